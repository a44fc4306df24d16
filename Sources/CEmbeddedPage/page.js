'use strict';
// The page asks once for every candidate, and does the rest itself: moving a slider sends nothing.

const $ = (id) => document.getElementById(id);
const svg = (name, attributes = {}) => {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};
const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

const state = {
  defaults: { score_threshold: 0.05, nms_threshold: 0.3, max_detections: null },
  file: null, fileName: '', answer: null, shown: [], hiddenClasses: new Set(),
  active: null, mark: null, trace: [], explainedWith: '', request: null, stream: null, url: null,
  model: '', pictures: [],
};

// MARK: The server

async function call(target, options = {}) {
  const headers = new Headers(options.headers);
  if ($('key').value) headers.set('Authorization', `Bearer ${$('key').value}`);
  const response = await fetch(target, { ...options, headers, cache: 'no-store' });
  const isJSON = /[/+]json/.test(response.headers.get('Content-Type') ?? '');
  const body = isJSON ? await response.json() : await response.text();
  return { response, body };
}

async function greet() {
  try {
    const { response, body } = await call('/healthz');
    if (response.status === 503 && body.status === 'loading') {
      $('model').textContent = 'The model is being loaded …';
      setTimeout(greet, 1000);
      return;
    }
    if (!body.model) {
      $('model').textContent = body.status ? `The server says: ${body.status}.` : '';
      return;
    }
    $('model').textContent =
      `Model ${body.model.name}, version ${body.model.version}: ${body.classes.join(', ')}`;
    state.defaults = body.defaults;
    listModels(body.models ?? []);
    applyDefaults();
    applyLink();
  } catch {
    $('model').textContent = 'The server does not answer.';
  }
}

/** Offers the models that serve, where there are several. */
function listModels(models) {
  const names = models.filter(({ status }) => status === 'ready').map(({ name }) => name);
  $('model-name').replaceChildren(...names.map((name) => element('option', { textContent: name })));
  $('model-row').hidden = names.length < 2;
  if (names.includes(state.model)) $('model-name').value = state.model;
  else state.model = '';
}

/** Adds the model that was chosen to what is asked; the first one needs no name. */
function ofModel(query) {
  if (state.model) query.set('model', state.model);
  return query;
}

/** What is asked for: everything that the sliders can reach. */
function candidateQuery() {
  const floor = Math.min(0.01, state.defaults.score_threshold);
  return ofModel(new URLSearchParams({
    score_threshold: floor, nms_threshold: 1, max_detections: 100000, max_proposals: 300,
  }));
}

async function detect(file, name) {
  state.request?.abort();
  const request = new AbortController();
  Object.assign(state, { file, fileName: name, request, answer: null, mark: null, trace: [] });
  $('explanation').hidden = true;
  complain('');
  showPicture(file);
  render();
  say('Looking …');
  $('stage').classList.add('busy');
  try {
    const { response, body } = await call(`/detect?${candidateQuery()}`, {
      method: 'POST', body: file, signal: request.signal,
      headers: { 'Content-Type': file.type || 'application/octet-stream' },
    });
    if (!response.ok) {
      refused(response, body);
      return;
    }
    state.answer = body;
    const picture = state.pictures.find((one) => one.file === file);
    if (picture) Object.assign(picture, { answer: body, model: state.model });
    $('photo').alt = `${name}, ${body.image.width} by ${body.image.height} pixels`;
    buildClasses();
    render();
    say(summary());
  } catch (error) {
    if (error.name !== 'AbortError') complain('The server does not answer.');
  } finally {
    if (state.request === request) $('stage').classList.remove('busy');
  }
}

function refused(response, body) {
  $('key-row').hidden = response.status !== 401;
  if (response.status === 401) $('key').focus();
  complain(body.detail ?? `The server answered ${response.status}.`);
  say('');
}

// MARK: What is shown of the candidates

/**
 * Intersection over union in the arithmetic of the server, 32-bit floats, so that the same boxes
 * are kept.
 */
function overlap(a, b) {
  const f = Math.fround;
  const side = (low, high) => Math.max(f(high - low), 0);
  const area = (box) => f(side(box[0], box[2]) * side(box[1], box[3]));
  const width = side(Math.max(a[0], b[0]), Math.min(a[2], b[2]));
  const height = side(Math.max(a[1], b[1]), Math.min(a[3], b[3]));
  const common = f(height * width);
  const joint = f(f(area(a) + area(b)) - common);
  return joint > 0 ? f(common / joint) : 0;
}

/** Greedy suppression in each class; the candidates come by score, ties by class and proposal. */
function filter(candidates, scoreThreshold, nmsThreshold, maximum) {
  const score = Math.fround(scoreThreshold);
  const bound = Math.fround(nmsThreshold);
  const kept = [];
  const ofClass = new Map();
  for (const candidate of candidates) {
    if (candidate.score <= score) continue;
    const rivals = ofClass.get(candidate.class_id) ?? [];
    if (rivals.some((rival) => overlap(rival.box, candidate.box) > bound)) continue;
    rivals.push(candidate);
    ofClass.set(candidate.class_id, rivals);
    kept.push(candidate);
  }
  return maximum === null ? kept : kept.slice(0, maximum);
}

const settings = () => ({ score: Number($('score').value), nms: Number($('nms').value) });

function applyDefaults() {
  $('score').min = Math.min(0.01, state.defaults.score_threshold);
  $('score').value = state.defaults.score_threshold;
  $('nms').value = state.defaults.nms_threshold;
  render();
}

function summary() {
  const count = state.shown.length;
  const milliseconds = state.answer.timings_ms?.total;
  const time = milliseconds === undefined ? '' : ` in ${Math.round(milliseconds)} ms`;
  return `${count} ${count === 1 ? 'object' : 'objects'}, `
    + `${state.answer.proposals.length} proposals${time}.`;
}

// MARK: Drawing

const hue = (classID) => (classID * 137.508 + 8) % 360;
const colour = (classID) => `hsl(${hue(classID)} 85% 72%)`;
const percent = (value) => value.toFixed(value > 0.9995 ? 4 : 3);
const boxText = (box) => `${box.map((edge) => Math.round(edge)).join(', ')}`;

function showPicture(file) {
  if (state.url) URL.revokeObjectURL(state.url);
  state.url = URL.createObjectURL(file);
  $('photo').onerror = () => showDecoded(file, state.url);
  $('photo').src = state.url;
  $('frame').hidden = false;
  $('drop-hint').hidden = true;
  $('stage').classList.remove('empty');
}

/** What the browser cannot show, the server can: the picture as it was decoded, nothing drawn on it. */
async function showDecoded(file, url) {
  const headers = new Headers({ Accept: 'image/webp, image/jpeg;q=0.9' });
  if ($('key').value) headers.set('Authorization', `Bearer ${$('key').value}`);
  try {
    const response = await fetch('/detect?format=image&max_detections=0', {
      method: 'POST', body: file, headers, cache: 'no-store',
    });
    if (!response.ok || state.url !== url) return;
    const picture = await response.blob();
    if (state.url !== url) return;
    URL.revokeObjectURL(url);
    state.url = URL.createObjectURL(picture);
    $('photo').onerror = null;
    $('photo').src = state.url;
  } catch {
    // What is wrong is said by the request for the detections.
  }
}

function render() {
  const { score, nms } = settings();
  $('score-value').value = score.toFixed(2);
  $('nms-value').value = nms.toFixed(2);
  $('count-value').value = $('count').value;
  const answer = state.answer;
  for (const id of ['found', 'times', 'command', 'stage-help']) $(id).hidden = !answer;
  $('classes').hidden = !answer;
  $('proposed').hidden = !answer || !$('show-proposals').checked;
  $('stage').tabIndex = answer ? 0 : -1;
  state.shown = answer ? filter(answer.detections, score, nms, state.defaults.max_detections) : [];
  state.visible = state.shown.filter((found) => !state.hiddenClasses.has(found.class_id));
  draw();
  if (!answer) return;
  listDetections();
  listProposals();
  listTimes();
  $('curl').textContent = curl();
  noteChanges();
}

/** Boxes lie over the picture in its own pixels; lines and text keep their size on the screen. */
function draw() {
  const overlay = $('overlay');
  overlay.replaceChildren();
  const image = state.answer?.image;
  if (!image) return;
  overlay.setAttribute('viewBox', `0 0 ${image.width} ${image.height}`);
  const pixel = image.width / ($('photo').clientWidth || image.width);
  if ($('show-proposals').checked) {
    const listed = state.answer.proposals.slice(0, Number($('count').value));
    listed.toReversed().forEach((proposal) => drawProposal(overlay, proposal, listed.length, pixel));
  }
  // The best are drawn last, to lie on top, and no box crosses a label.
  const worstFirst = state.visible.toReversed();
  worstFirst.forEach((found) => drawDetection(overlay, found));
  worstFirst.forEach((found) => plate(
    overlay, found.box, `${found.label} ${found.score.toFixed(2)}`, colour(found.class_id), pixel));
  drawTrace(overlay, pixel);
}

const rectangle = (box, attributes) => svg('rect', {
  x: box[0], y: box[1], width: Math.max(box[2] - box[0], 0), height: Math.max(box[3] - box[1], 0),
  ...attributes,
});

function drawDetection(overlay, found) {
  const group = svg('g', state.active === found ? { class: 'active' } : {});
  group.append(
    rectangle(found.box, { class: 'case' }),
    rectangle(found.box, { class: 'line', stroke: colour(found.class_id) }));
  const tint = rectangle(found.box, { class: 'tint' });
  tint.style.fill = colour(found.class_id);
  group.append(tint);
  overlay.append(group);
}

function drawProposal(overlay, proposal, count, pixel) {
  overlay.append(
    rectangle(proposal.box, { class: 'proposal-case' }),
    rectangle(proposal.box, { class: 'proposal' }));
  if (count <= 40) plate(overlay, proposal.box, percent(proposal.objectness), '#fff', pixel, true);
}

/** A label at a box: above its upper edge, or within where there is no room. */
function plate(parent, box, words, fill, pixel, isBelow = false) {
  const size = (isBelow ? 10 : 12) * pixel;
  const text = svg('text', { 'font-size': size });
  text.textContent = words;
  // In the document first: words that are not shown have no width.
  parent.append(text);
  // On a small screen the score stays in the list, so that labels do not cover the objects.
  if (!isBelow && text.getComputedTextLength() > Math.max(box[2] - box[0], 30 * pixel)) {
    text.textContent = words.slice(0, words.lastIndexOf(' '));
  }
  const width = text.getComputedTextLength() + 0.6 * size;
  const height = 1.35 * size;
  const image = state.answer.image;
  const x = Math.max(0, Math.min(box[0], image.width - width));
  const y = isBelow
    ? Math.min(box[3], image.height - height)
    : (box[1] - height < 0 ? box[1] : box[1] - height);
  text.setAttribute('x', x + 0.3 * size);
  text.setAttribute('y', y + 1.02 * size);
  const back = svg('rect', { class: 'plate', x, y, width, height });
  back.style.fill = fill;
  parent.insertBefore(back, text);
}

function drawTrace(overlay, pixel) {
  for (const box of state.trace) overlay.append(rectangle(box, { class: 'traced' }));
  if (!state.mark) return;
  const [x, y] = state.mark;
  const arm = 9 * pixel;
  overlay.append(
    svg('line', { class: 'mark', x1: x - arm, x2: x + arm, y1: y, y2: y }),
    svg('line', { class: 'mark', x1: x, x2: x, y1: y - arm, y2: y + arm }));
}

// MARK: Lists

const swatch = (classID) => {
  const made = element('span', { className: 'swatch' });
  made.style.background = colour(classID);
  return made;
};

function listDetections() {
  $('found-title').textContent = `Detections: ${state.visible.length}`;
  $('rows').replaceChildren(...state.visible.map((found) => {
    const row = element('tr', {},
      element('td', {}, swatch(found.class_id), found.label),
      element('td', { textContent: percent(found.score) }),
      element('td', { textContent: boxText(found.box) }),
      element('td', { textContent: found.proposal_index }));
    row.dataset.detection = JSON.stringify([found.class_id, found.score, ...found.box]);
    row.onmouseenter = () => activate(found);
    row.onmouseleave = () => activate(null);
    row.append(element('td', {}, explainButton(found)));
    return row;
  }));
}

function activate(found) {
  state.active = found;
  draw();
}

function listProposals() {
  if ($('proposed').hidden) return;
  const listed = state.answer.proposals.slice(0, Number($('count').value));
  $('proposed-title').textContent = `Proposals: ${listed.length} of ${state.answer.proposals.length}`;
  $('proposal-rows').replaceChildren(...listed.map((proposal, index) => element('tr', {},
    element('td', { textContent: index }),
    element('td', { textContent: proposal.objectness.toPrecision(4) }),
    element('td', { textContent: boxText(proposal.box) }))));
}

const stageNames = {
  queue: 'waiting', decode: 'decoding the file', resize: 'resizing', plan: 'planning a new size',
  backbone: 'backbone', rpn: 'proposal network', proposals: 'choosing proposals',
  roi_pooling: 'pooling regions', head: 'head', postprocess: 'choosing objects',
  encode: 'writing the answer', total: 'in all',
};

function listTimes() {
  const times = Object.entries(state.answer.timings_ms ?? {});
  const longest = Math.max(...times.map(([, value]) => value), 1e-9);
  $('bars').replaceChildren(...times.map(([stage, value]) => {
    const bar = element('div', { className: 'bar' });
    bar.style.width = `${(100 * value) / longest}%`;
    return element('tr', {},
      element('th', { scope: 'row', textContent: stageNames[stage] ?? stage }),
      element('td', { textContent: `${value.toFixed(value < 10 ? 2 : 0)} ms` }),
      element('td', {}, bar));
  }));
}

function buildClasses() {
  const names = new Map(state.answer.detections.map((found) => [found.class_id, found.label]));
  const rows = [...names].sort(([a], [b]) => a - b).map(([classID, name]) => {
    const box = element('input', { type: 'checkbox', checked: !state.hiddenClasses.has(classID) });
    box.onchange = () => {
      state.hiddenClasses[box.checked ? 'delete' : 'add'](classID);
      render();
      saySoon();
    };
    return element('label', {}, box, swatch(classID), name);
  });
  $('classes').replaceChildren(element('legend', { textContent: 'Classes' }), ...rows);
}

// MARK: The command

const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** What is chosen here, as the parameters that choose it of the server. */
function choices() {
  const { score, nms } = settings();
  const query = ofModel(new URLSearchParams());
  // The defaults that are known are those of the first model.
  if (state.model || score !== state.defaults.score_threshold) query.set('score_threshold', score);
  if (state.model || nms !== state.defaults.nms_threshold) query.set('nms_threshold', nms);
  if (state.hiddenClasses.size > 0) {
    const wanted = new Set(state.answer.detections.map((found) => found.class_id));
    for (const classID of state.hiddenClasses) wanted.delete(classID);
    // A list cannot be empty.
    if (wanted.size === 0) query.set('max_detections', 0);
    else query.set('classes', [...wanted].sort((a, b) => a - b).join(','));
  }
  return query;
}

function curl() {
  const query = choices();
  const target = `${location.origin}/detect${query.size ? `?${query}` : ''}`.replaceAll('%2C', ',');
  const key = $('key').value ? ' -H "Authorization: Bearer $KEY"' : '';
  const first = state.fileName === 'example.jpg' ? `curl -O ${location.origin}/example.jpg\n` : '';
  return `${first}curl${key} --data-binary @${quoted(state.fileName)} ${quoted(target)}`;
}

async function copyCommand() {
  const text = $('curl').textContent;
  let isCopied = false;
  if (navigator.clipboard) {
    isCopied = await navigator.clipboard.writeText(text).then(() => true, () => false);
  }
  if (!isCopied) {
    // Without HTTPS there is no clipboard to write to; marked text can still be copied.
    getSelection().selectAllChildren($('curl'));
    isCopied = document.execCommand('copy');
  }
  $('copied').textContent = isCopied ? 'Copied.' : 'Marked: press Ctrl+C.';
}

// MARK: Why it did not find this

/** The places that the keyboard moves to, in pixels of the picture. */
function moveMark(event) {
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const image = state.answer?.image;
  if (!image || event.target !== $('stage')) return;
  if (event.key === 'Enter' && state.mark) explain(state.mark);
  const step = steps[event.key];
  if (!step) return;
  event.preventDefault();
  const length = event.shiftKey ? 1 : Math.max(1, Math.round(image.width / 50));
  const [x, y] = state.mark ?? [image.width / 2, image.height / 2];
  state.mark = [
    Math.round(Math.max(0, Math.min(image.width - 1, x + step[0] * length))),
    Math.round(Math.max(0, Math.min(image.height - 1, y + step[1] * length))),
  ];
  draw();
  clearTimeout(sayTimer);
  sayTimer = setTimeout(() => say(`Mark at ${state.mark.join(', ')}. Enter explains.`), 300);
}

function listenForPlaces() {
  $('frame').onclick = (event) => {
    const image = state.answer?.image;
    if (!image) return;
    const frame = $('photo').getBoundingClientRect();
    explain([
      Math.min(image.width - 1, Math.floor(((event.clientX - frame.left) / frame.width) * image.width)),
      Math.min(image.height - 1, Math.floor(((event.clientY - frame.top) / frame.height) * image.height)),
    ]);
  };
  $('stage').onkeydown = moveMark;
  $('explain-again').onclick = () => explain(state.mark);
}

function explainButton(found) {
  const [left, top, right, bottom] = found.box;
  const button = element('button', { type: 'button', textContent: 'Explain' });
  button.setAttribute('aria-label', `Explain ${found.label} at ${boxText(found.box)}`);
  button.onclick = () => explain([Math.floor((left + right) / 2), Math.floor((top + bottom) / 2)]);
  button.onfocus = () => activate(found);
  button.onblur = () => activate(null);
  return button;
}

async function explain(point) {
  state.mark = point;
  state.trace = [];
  draw();
  clearTimeout(sayTimer);
  say(`Asking what became of ${point.join(', ')} …`);
  complain('');
  const query = choices();
  const chosen = String(query);
  query.set('point', point.join(','));
  const asked = state.answer;
  try {
    const { response, body } = await call(`/explain?${query}`, {
      method: 'POST', body: state.file,
      headers: { 'Content-Type': state.file.type || 'application/octet-stream' },
    });
    // Another picture or place may have been chosen in the meantime.
    if (state.answer !== asked || state.mark !== point) return;
    if (!response.ok) {
      refused(response, body);
      return;
    }
    state.trace = [...body.proposals.slice(0, 1), ...body.candidates.slice(0, 1)].map(({ box }) => box)
      .filter(Boolean);
    draw();
    showExplanation(body, chosen);
    say('');
  } catch {
    complain('The server does not answer.');
  }
}

const iou = (value) => `an overlap (IoU) of ${value.toFixed(2)}`;

/** What became of a candidate of the first stage, or of a class's box in a proposal. */
function fate(of) {
  switch (of.outcome) {
    case 'proposed': return `became proposal ${of.proposal_index}`;
    case 'detected': return 'is in the list of detections';
    case 'not_finite': return 'dropped: not a finite number';
    case 'not_looked_for': return 'this class is not looked for';
    case 'too_small':
      return of.side === undefined
        ? 'dropped: too small' : `dropped: a side of ${of.side.toFixed(1)} is below ${of.minimum_side}`;
    case 'beyond_pre_nms_top_n': return `dropped: not among the best ${of.limit}`;
    case 'beyond_post_nms_top_n': return `dropped: ${of.limit} were kept before it`;
    case 'beyond_max_detections': return `dropped: ${of.limit} others are better`;
    case 'below_threshold': return `dropped: not above ${of.threshold.toFixed(2)}`;
    case 'suppressed': {
      const by = of.suppressed_by_detection === undefined
        ? `proposal ${of.suppressed_by_proposal}`
        : `the detection from proposal ${of.suppressed_by_proposal}`;
      return `suppressed by ${by} for ${iou(of.suppression_iou)}`;
    }
    default: return of.outcome;
  }
}

/** Says so where what is explained is not what is shown. */
function noteChanges() {
  $('explanation-note').hidden = state.explainedWith === String(choices());
}

const number = (value) => (value === undefined ? '–' : value.toPrecision(3));

function explanationTable(title, headings, rows) {
  if (rows.length === 0) return [];
  const head = headings.map((text) => element('th', { scope: 'col', textContent: text }));
  const scroll = element('div', { className: 'scroll', tabIndex: 0 },
    element('table', {}, element('thead', {}, element('tr', {}, ...head)),
      element('tbody', {}, ...rows.map((cells) => element('tr', {},
        ...cells.map((cell) => element('td', { textContent: cell })))))));
  scroll.setAttribute('role', 'region');
  scroll.setAttribute('aria-label', title);
  return [element('h3', { textContent: title }), scroll];
}

function showExplanation(body, chosen) {
  const [x, y] = body.place.point;
  state.explainedWith = chosen;
  noteChanges();
  const classes = body.proposals.flatMap((proposal) => (proposal.classes ?? [])
    .toSorted((a, b) => (b.score ?? -1) - (a.score ?? -1)).slice(0, 2)
    .map((of) => [
      proposal.proposal_index, proposal.objectness.toPrecision(3), of.label, number(of.score), fate(of),
    ]));
  const { counts } = body;
  $('explanation-title').textContent = `What became of ${x}, ${y}`;
  $('explanation-body').replaceChildren(
    element('p', { textContent: body.summary }),
    element('p', {
      className: 'small',
      textContent: `Of ${counts.anchors} anchors in the picture, ${counts.ranked} were ranked, `
        + `${counts.proposals} became proposals, and ${counts.detections} detections are left.`,
    }),
    ...explanationTable('The nearest candidates of the first stage',
      ['Objectness', 'Rank', 'Box', 'What became of it'],
      body.candidates.map((of) => [
        number(of.objectness), of.rank ?? '–', of.box ? boxText(of.box) : '–', fate(of),
      ])),
    ...explanationTable('The nearest proposals, and their best classes',
      ['Proposal', 'Objectness', 'Class', 'Score', 'What became of it'], classes));
  $('explanation').hidden = false;
  $('explanation-title').focus({ preventScroll: false });
}

// MARK: Several pictures

/** The strip of thumbnails, there where there is more than one picture. */
function drawStrip() {
  const strip = $('strip');
  strip.hidden = state.pictures.length < 2;
  strip.replaceChildren(...state.pictures.map((picture) => {
    const image = element('img', { src: picture.url, alt: picture.name });
    const button = element('button', { type: 'button', title: picture.name }, image);
    button.setAttribute('aria-pressed', picture.file === state.file);
    button.onclick = () => show(picture);
    return button;
  }));
}

/** Shows a picture of the strip; it is asked about once for each model. */
function show(picture) {
  if (!picture.answer || picture.model !== state.model) {
    detect(picture.file, picture.name);
  } else {
    state.request?.abort();
    Object.assign(state, {
      file: picture.file, fileName: picture.name, answer: picture.answer, mark: null, trace: [],
    });
    $('explanation').hidden = true;
    complain('');
    showPicture(picture.file);
    buildClasses();
    render();
    say(summary());
  }
  drawStrip();
}

// MARK: What is kept

function save(blob, name) {
  const url = URL.createObjectURL(blob);
  element('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Asks the server for the picture as it is shown, in another form, and saves the answer. */
async function saveAs(format, accept, ending) {
  const query = choices();
  query.set('format', format);
  complain('');
  try {
    const response = await fetch(`/detect?${query}`, {
      method: 'POST', body: state.file, cache: 'no-store',
      headers: {
        Accept: accept, 'Content-Type': state.file.type || 'application/octet-stream',
        ...($('key').value ? { Authorization: `Bearer ${$('key').value}` } : {}),
      },
    });
    if (!response.ok) {
      refused(response, await response.json());
      return;
    }
    save(await response.blob(), `${state.fileName.replace(/\.[^.]*$/, '')}${ending}`);
  } catch {
    complain('The server does not answer.');
  }
}

/** The page's address with what is chosen, behind its '#', which no server is told of. */
async function copyLink() {
  const { score, nms } = settings();
  const query = ofModel(new URLSearchParams({ score, nms }));
  if (state.hiddenClasses.size > 0) query.set('hidden', [...state.hiddenClasses].join(','));
  history.replaceState(null, '', `#${query}`);
  const isCopied = navigator.clipboard
    && await navigator.clipboard.writeText(location.href).then(() => true, () => false);
  $('kept').textContent = isCopied ? 'Copied.' : 'The link is in the address bar.';
}

/** Takes over what a link says. */
function applyLink() {
  const query = new URLSearchParams(location.hash.slice(1));
  for (const id of ['score', 'nms']) {
    const value = Number(query.get(id));
    if (query.has(id) && value > 0 && value <= 1) $(id).value = value;
  }
  const hidden = (query.get('hidden') ?? '').split(',').filter(Boolean).map(Number);
  state.hiddenClasses = new Set(hidden.filter(Number.isInteger));
  const names = [...$('model-name').options].map(({ value }) => value);
  if (names.includes(query.get('model'))) {
    state.model = query.get('model');
    $('model-name').value = state.model;
  }
  render();
}

// MARK: Words

const say = (words) => { $('status').textContent = words; };

let sayTimer;
/** Says the count once a slider rests, so that a screen reader is not flooded. */
function saySoon() {
  clearTimeout(sayTimer);
  sayTimer = setTimeout(() => { if (state.answer) say(summary()); }, 400);
}

function complain(words) {
  $('problem').textContent = words;
  $('problem').hidden = !words;
}

// MARK: Where pictures come from

function take(file, name = file?.name) {
  if (file) takeAll([file], name);
}

/** Takes pictures; several make a strip, of which the first is shown. */
function takeAll(files, name) {
  if (files.length === 0) return;
  stopCamera();
  for (const { url } of state.pictures) URL.revokeObjectURL(url);
  state.pictures = [...files].map((file) => ({
    file, name: name ?? (file.name || 'photo.jpg'), url: URL.createObjectURL(file),
  }));
  show(state.pictures[0]);
}

async function startCamera() {
  complain('');
  try {
    state.stream = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: 'environment', width: { ideal: 1280 } },
    });
  } catch (error) {
    complain(error.name === 'NotAllowedError'
      ? 'The camera was not allowed.' : 'There is no camera that could be opened.');
    return;
  }
  const video = $('video');
  video.srcObject = state.stream;
  setCamera(true);
  await video.play();
  $('shoot').focus();
}

function setCamera(isOn) {
  for (const id of ['shoot', 'stop', 'video']) $(id).hidden = !isOn;
  $('camera').hidden = isOn;
  $('frame').hidden = isOn || !state.file;
  $('drop-hint').hidden = isOn || Boolean(state.file);
}

function stopCamera() {
  if (!state.stream) return;
  state.stream.getTracks().forEach((track) => track.stop());
  state.stream = null;
  $('video').srcObject = null;
  setCamera(false);
}

function shoot() {
  const video = $('video');
  const canvas = element('canvas', { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext('2d').drawImage(video, 0, 0);
  canvas.toBlob((blob) => take(blob, 'camera.jpg'), 'image/jpeg', 0.92);
}

async function takeSample() {
  const response = await fetch('/example.jpg');
  if (response.ok) take(await response.blob(), 'example.jpg');
  else complain(`The server answered ${response.status}.`);
}

function listen() {
  $('file').onchange = () => { takeAll([...$('file').files]); $('file').value = ''; };
  $('model-name').onchange = () => {
    const first = $('model-name').options[0].value;
    state.model = $('model-name').value === first ? '' : $('model-name').value;
    state.hiddenClasses.clear();
    const picture = state.pictures.find((one) => one.file === state.file);
    if (picture) show(picture);
  };
  $('save-json').onclick = () => saveAs('json', 'application/json', '.json');
  $('save-coco').onclick = () => saveAs('coco', 'application/json', '.coco.json');
  $('save-picture').onclick = () => saveAs('image', 'image/png', '.boxes.png');
  $('link').onclick = copyLink;
  $('sample').onclick = takeSample;
  $('camera').onclick = startCamera;
  $('shoot').onclick = shoot;
  $('stop').onclick = stopCamera;
  if (!navigator.mediaDevices?.getUserMedia) {
    $('camera').disabled = true;
    $('camera').setAttribute('aria-describedby', 'camera-note');
    $('camera-note').hidden = false;
  }
  addEventListener('dragover', (event) => {
    event.preventDefault();
    $('stage').classList.add('over');
  });
  addEventListener('dragleave', () => $('stage').classList.remove('over'));
  addEventListener('drop', (event) => {
    event.preventDefault();
    $('stage').classList.remove('over');
    takeAll([...event.dataTransfer.files]);
  });
  addEventListener('paste', (event) => {
    if (event.target.matches('input')) return;
    takeAll([...event.clipboardData.files]);
  });
  for (const id of ['score', 'nms', 'count']) {
    $(id).oninput = () => { render(); saySoon(); };
  }
  $('show-proposals').onchange = render;
  $('reset').onclick = () => { applyDefaults(); saySoon(); };
  $('copy').onclick = copyCommand;
  $('key-go').onclick = () => {
    greet();
    const picture = state.pictures.find((one) => one.file === state.file);
    if (picture) show(picture);
  };
  $('photo').onload = draw;
  new ResizeObserver(draw).observe($('frame'));
  listenForPlaces();
}

listen();
greet();
