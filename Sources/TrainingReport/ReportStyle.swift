internal import Images

/// The report's style sheet: light and dark as the reader's system is.
enum ReportStyle {
  /// The colours of losses and rates, which light and dark pages have of their own.
  static let colours = (0..<8).map { "var(--c\($0))" }

  /// The colour of what is of all classes.
  static let ink = "var(--ink)"

  /// The colour of a class, the same as that of its boxes in pictures.
  static func colour(ofClass classID: Int) -> String {
    let colour = Colour.ofClass(classID)
    return "rgb(\(colour.red) \(colour.green) \(colour.blue))"
  }

  static let css = """
    :root{color-scheme:light dark;--ground:#fbfbfa;--raised:#fff;--ink:#1d1d1b;--quiet:#63625d;\
    --line:#e2e1dc;--accent:#2a6fc9;--good:#1a7f45;--bad:#b3362b;\
    --c0:#2a6fc9;--c1:#d9692b;--c2:#188a6b;--c3:#b5357f;--c4:#8a6d00;--c5:#6446b8;--c6:#b3362b;--c7:#4d6b78}
    @media(prefers-color-scheme:dark){:root{--ground:#161615;--raised:#1f1f1d;--ink:#ecebe6;--quiet:#a3a199;\
    --line:#383733;--accent:#6ea8f2;--good:#5fc48a;--bad:#f08a7e;\
    --c0:#6ea8f2;--c1:#f0935a;--c2:#4fc3a0;--c3:#ea7dbb;--c4:#d4b13f;--c5:#a991ee;--c6:#f08a7e;--c7:#93b3c1}}
    *{box-sizing:border-box}
    body{margin:0;background:var(--ground);color:var(--ink);\
    font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
    main{max-width:1080px;margin:0 auto;padding:28px 20px 60px}
    h1{font-size:26px;line-height:1.2;margin:0 0 4px}
    h2{font-size:18px;margin:36px 0 6px}
    p{margin:4px 0 12px;max-width:70ch}
    .quiet{color:var(--quiet)}
    .cards{display:flex;flex-wrap:wrap;gap:12px;margin:18px 0 0;padding:0;list-style:none}
    .cards li{background:var(--raised);border:1px solid var(--line);border-radius:8px;padding:10px 16px;min-width:130px}
    .cards b{display:block;font-size:22px;font-weight:650;font-variant-numeric:tabular-nums}
    .cards span{color:var(--quiet);font-size:13px}
    .pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:20px}
    figure{margin:0;background:var(--raised);border:1px solid var(--line);border-radius:8px;padding:12px}
    svg{display:block;width:100%;height:auto}
    .grid{stroke:var(--line);stroke-width:1;fill:none}
    .axis{stroke:var(--quiet);stroke-width:1;fill:none}
    .tick{fill:var(--quiet);font-size:12px}
    .title{fill:var(--quiet);font-size:12.5px}
    .line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
    .legend{display:flex;flex-wrap:wrap;gap:4px 18px;list-style:none;margin:8px 0 0;padding:0 0 0 46px;font-size:13px}
    .swatch{display:inline-block;width:14px;height:4px;border-radius:2px;margin-right:7px;vertical-align:middle}
    .scroll{overflow-x:auto}
    table{border-collapse:collapse;font-variant-numeric:tabular-nums}
    th,td{padding:5px 12px;text-align:right;border-bottom:1px solid var(--line);font-weight:400}
    th{color:var(--quiet);font-size:13px}
    th:first-child,td:first-child{text-align:left}
    td.name{text-align:left}
    .matrix td{min-width:64px;text-align:center;border:1px solid var(--ground)}
    .matrix td b{font-weight:600}.matrix td small{display:block;color:inherit;opacity:.75;font-size:11px}
    .tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:12px;margin:8px 0 0;padding:0;list-style:none}
    .tiles li{background:var(--raised);border:1px solid var(--line);border-radius:8px;overflow:hidden;font-size:12.5px}
    .tiles.wide{grid-template-columns:repeat(auto-fill,minmax(230px,1fr))}
    .tiles img{display:block;width:100%;height:auto;background:var(--line)}
    .tiles.square img{aspect-ratio:1;object-fit:cover}
    .tiles div{padding:6px 9px 8px;overflow-wrap:anywhere}
    .tiles div span{color:var(--quiet)}
    details{margin:10px 0}summary{cursor:pointer;color:var(--accent)}
    ul.plain{margin:6px 0;padding-left:20px}
    @media print{main{max-width:none}figure,.tiles li{break-inside:avoid}}
    """
}
