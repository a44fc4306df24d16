'use strict';
// Makes a page of /openapi.yaml in the browser, so that what is read here is what is served.

// MARK: The part of YAML that openapi.yaml keeps to

/** Block mappings and sequences, flow collections, literal and folded blocks, plain and quoted scalars. */
class Reader {
  constructor(text) {
    this.next = 0;
    this.lines = text.split('\n').map((line) => {
      const content = line.trimStart();
      return { indent: line.length - content.length, text: content };
    });
  }

  peek() {
    const isVoid = (line) => line.text === '' || line.text.startsWith('#');
    while (this.next < this.lines.length && isVoid(this.lines[this.next])) this.next += 1;
    return this.lines[this.next];
  }

  block(indent) {
    const line = this.peek();
    if (!line || line.indent < indent) return null;
    return /^-( |$)/.test(line.text) ? this.sequence(line.indent) : this.mapping(line.indent);
  }

  sequence(indent) {
    const elements = [];
    for (let line = this.peek(); line?.indent === indent && /^-( |$)/.test(line.text); line = this.peek()) {
      const content = line.text.slice(2);
      if (Reader.entry(content)) {
        // The first entry of a mapping stands behind the dash: read it as if on its own line.
        this.lines[this.next] = { indent: indent + 2, text: content };
        elements.push(this.mapping(indent + 2));
      } else {
        this.next += 1;
        elements.push(this.value(content, indent));
      }
    }
    return elements;
  }

  mapping(indent) {
    const members = {};
    for (let line = this.peek(); line?.indent === indent; line = this.peek()) {
      const entry = Reader.entry(line.text);
      if (!entry) throw new Error(`line ${this.next + 1} is no entry of a mapping`);
      this.next += 1;
      members[entry[0]] = this.value(entry[1], indent);
    }
    return members;
  }

  value(text, indent) {
    if (text === '') return this.block(indent + 1);
    if (/^[|>]-?$/.test(text)) return this.literal(indent + 1, text[0] === '>');
    return new Flow(text).value(false);
  }

  literal(indent, isFolded) {
    const base = this.peek()?.indent ?? indent;
    const text = [];
    for (; this.next < this.lines.length; this.next += 1) {
      const line = this.lines[this.next];
      if (line.text !== '' && line.indent < Math.max(base, indent)) break;
      text.push(' '.repeat(Math.max(0, line.indent - base)) + line.text);
    }
    return text.join(isFolded ? ' ' : '\n').trimEnd();
  }

  /** Takes `key: value` apart. */
  static entry(text) {
    const match = /^(?:'((?:[^']|'')*)'|"([^"]*)"|([^[{'"\s][^:]*(?::[^\s:][^:]*)*)):(?: +(.*))?$/.exec(text);
    return match && [match[1]?.replaceAll("''", "'") ?? match[2] ?? match[3], match[4] ?? ''];
  }
}

/** A value within one line. */
class Flow {
  constructor(text) { this.text = text; this.at = 0; }

  skip() { while (this.text[this.at] === ' ') this.at += 1; }

  value(isNested) {
    this.skip();
    const first = this.text[this.at];
    if (first === '[') return this.list(']', () => this.value(true), (all) => all);
    if (first === '{') {
      return this.list('}', () => {
        const key = this.scalar(/[^:,}\]]*/y);
        this.skip();
        this.at += 1;
        return [key, this.value(true)];
      }, Object.fromEntries);
    }
    return this.scalar(isNested ? /[^,\]}]*/y : /.*/y);
  }

  list(end, element, finish) {
    const elements = [];
    this.at += 1;
    for (this.skip(); this.at < this.text.length && this.text[this.at] !== end; this.skip()) {
      elements.push(element());
      this.skip();
      if (this.text[this.at] === ',') this.at += 1;
    }
    this.at += 1;
    return finish(elements);
  }

  scalar(plain) {
    this.skip();
    for (const [form, undo] of [
      [/'((?:[^']|'')*)'/y, (text) => text.replaceAll("''", "'")],
      [/"((?:[^"\\]|\\.)*)"/y, (text) => JSON.parse(`"${text}"`)],
    ]) {
      form.lastIndex = this.at;
      const match = form.exec(this.text);
      if (match) {
        this.at = form.lastIndex;
        return undo(match[1]);
      }
    }
    plain.lastIndex = this.at;
    const text = plain.exec(this.text)[0].trim();
    this.at = plain.lastIndex;
    if (text === 'null' || text === '~') return null;
    if (text === 'true' || text === 'false') return text === 'true';
    return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : text;
  }
}

// MARK: Elements

const make = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children.filter((child) => child !== null));
  return made;
};

/** Words with `code`, **strong** and [links](…) in them. */
function words(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*|\[[^\]]+\]\([^)\s]+\))/).filter(Boolean).map((part) => {
    if (part.startsWith('`')) return make('code', { textContent: part.slice(1, -1) });
    if (part.startsWith('**')) return make('strong', { textContent: part.slice(2, -2) });
    const link = /^\[([^\]]+)\]\(([^)\s]+)\)$/.exec(part);
    return link ? make('a', { textContent: link[1], href: link[2] }) : part;
  });
}

/** Paragraphs, lists and indented code. */
function prose(text) {
  return (text ?? '').split(/\n{2,}/).filter((part) => part.trim()).map((part) => {
    const lines = part.split('\n');
    if (lines.every((line) => line.startsWith('    '))) {
      return make('pre', { tabIndex: 0, textContent: lines.map((line) => line.slice(4)).join('\n') });
    }
    if (/^[-*] /.test(lines[0])) {
      const items = part.split(/\n(?=[-*] )/).map((item) => item.slice(2).replace(/\s*\n\s*/g, ' '));
      return make('ul', {}, ...items.map((item) => make('li', {}, ...words(item))));
    }
    return make('p', {}, ...words(lines.join(' ')));
  });
}

function table(headings, rows) {
  const head = make('tr', {}, ...headings.map((text) => make('th', { scope: 'col', textContent: text })));
  const body = rows.map((cells) => make('tr', {}, ...cells.map((cell) => make('td', {}, ...[cell].flat()))));
  return make('div', { className: 'wide' },
    make('table', {}, make('thead', {}, head), make('tbody', {}, ...body)));
}

// MARK: The document

let openapi;

function resolve(value) {
  let found = value;
  while (found?.$ref) {
    found = found.$ref.slice(2).split('/').reduce((at, key) => at?.[key], openapi);
  }
  return found ?? {};
}

const schemaName = (schema) => schema?.$ref?.split('/').at(-1);
const code = (text) => make('code', { textContent: text });

/** A schema in a few words, with links to those that have a name. */
function brief(schema) {
  if (!schema) return ['anything'];
  const name = schemaName(schema);
  if (name) {
    const target = resolve(schema);
    if (target.type === 'object' || target.properties || target.oneOf) {
      return [make('a', { href: `#schema-${name}`, textContent: name })];
    }
    return brief(target);
  }
  const either = schema.oneOf ?? schema.anyOf;
  if (either && !schema.properties) {
    return either.flatMap((one, index) => (index ? [' or ', ...brief(one)] : brief(one)));
  }
  const standard = schema.default !== undefined ? `; default ${[schema.default].flat().join(',')}` : '';
  if (schema.type === 'array') return ['array of ', ...brief(schema.items), standard];
  if (schema.const !== undefined) return [code(String(schema.const))];
  if (schema.enum) {
    return [...schema.enum.flatMap((one, index) => [index ? ', ' : '', code(String(one))]), standard];
  }
  const type = [schema.type ?? 'anything'].flat().join(' or ');
  const bounds = schema.minimum !== undefined || schema.maximum !== undefined
    ? `, ${schema.minimum ?? '…'} to ${schema.maximum ?? '…'}` : '';
  return [type + (schema.format ? ` (${schema.format})` : '') + bounds + standard];
}

function properties(schema) {
  const required = new Set(schema.required ?? []);
  return table(['Name', 'Type', 'Meaning'], Object.entries(schema.properties ?? {}).map(([name, part]) => [
    [code(name), required.has(name) ? '' : make('span', { className: 'faint', textContent: ' optional' })],
    brief(part), prose(part.description ?? resolve(part).description),
  ]));
}

function examples(media) {
  const all = media.examples
    ? Object.entries(media.examples).map(([name, example]) => ({ summary: name, ...resolve(example) }))
    : media.example !== undefined ? [{ summary: 'Example', value: media.example }] : [];
  return all.map(({ summary, value, externalValue }) => {
    if (externalValue) return make('p', {}, make('a', { textContent: summary, href: externalValue }));
    const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
    return make('details', {}, make('summary', { textContent: summary }),
      make('pre', { tabIndex: 0, textContent: text }));
  });
}

function operation(path, method, item, shared) {
  const id = item.operationId ?? `${method}-${path}`;
  const article = make('article', { id },
    make('h3', {}, make('span', { className: `method ${method}`, textContent: method.toUpperCase() }),
      ' ', code(path), ` ${item.summary ?? ''}`),
    ...prose(item.description));
  const parameters = [...(shared ?? []), ...(item.parameters ?? [])].map(resolve);
  if (parameters.length) {
    article.append(make('h4', { textContent: 'Parameters' }),
      table(['Name', 'In', 'Type', 'Meaning'], parameters.map((parameter) => [
        code(parameter.name), parameter.in, brief(resolve(parameter.schema)),
        prose(parameter.description),
      ])));
  }
  const body = resolve(item.requestBody);
  if (body.content) {
    article.append(make('h4', { textContent: 'Body' }), ...prose(body.description),
      table(['Content type', 'Form'], Object.entries(body.content).map(([type, media]) => [
        code(type), [...brief(media.schema), ...examples(media)],
      ])));
  }
  article.append(make('h4', { textContent: 'Answers' }),
    table(['Status', 'Meaning', 'Content'], Object.entries(item.responses).map(([status, reference]) => {
      const response = resolve(reference);
      const content = Object.entries(response.content ?? {}).flatMap(([type, media]) => [
        make('div', {}, code(type), ' ', ...brief(media.schema)), ...examples(media),
      ]);
      return [code(status), prose(response.description), content];
    })));
  return article;
}

function contents(title, entries) {
  return [make('strong', { textContent: title }), make('ul', {}, ...entries.map(([id, text]) =>
    make('li', {}, make('a', { href: `#${id}`, textContent: text }))))];
}

function show() {
  const main = document.getElementById('main');
  const list = document.getElementById('contents');
  main.replaceChildren(...prose(openapi.info.summary), ...prose(openapi.info.description));
  const all = Object.entries(openapi.paths).flatMap(([path, item]) =>
    ['get', 'post', 'put', 'delete', 'patch'].filter((method) => item[method])
      .map((method) => ({ path, method, item: item[method], shared: item.parameters })));
  for (const tag of openapi.tags) {
    const tagged = all.filter(({ item }) => item.tags?.[0] === tag.name);
    if (!tagged.length) continue;
    main.append(make('h2', { textContent: tag.name }), ...prose(tag.description),
      ...tagged.map(({ path, method, item, shared }) => operation(path, method, item, shared)));
    list.append(...contents(tag.name, tagged.map(({ path, method, item }) =>
      [item.operationId, `${method.toUpperCase()} ${path}`])));
  }
  const schemas = Object.entries(openapi.components.schemas)
    .filter(([, schema]) => schema.type === 'object' || schema.properties || schema.oneOf);
  main.append(make('h2', { textContent: 'Schemas' }), ...schemas.map(([name, schema]) =>
    make('article', { id: `schema-${name}` }, make('h3', {}, code(name)), ...prose(schema.description),
      schema.properties ? properties(schema) : make('p', {}, ...brief(schema)))));
  list.append(...contents('schemas', schemas.map(([name]) => [`schema-${name}`, name])));
  // The place that the address names was not there when the page was loaded.
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

fetch('/openapi.yaml')
  .then((response) => (response.ok ? response.text() : Promise.reject(new Error(`status ${response.status}`))))
  .then((text) => {
    openapi = new Reader(text).block(0);
    show();
  })
  .catch((error) => {
    document.getElementById('wait').textContent = `openapi.yaml could not be read: ${error.message}`;
  });
