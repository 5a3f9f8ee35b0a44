const { facts, egraph } = pageData;
const byId = (id) => document.getElementById(id);
const kStates = { chosen: 0, possible: 1, refused: 2, noKernel: 3, constant: 4 };
const kMarks = ["●", "○", "×", "×", "·"];
const narrow = matchMedia("(max-width: 860px)");
const choice = byId("choice");
const beside = choice.parentNode;
const reduced = (text, length) => (text.length <= length ? text : text.slice(0, length - 1) + "…");

// --- the program: phases, kernels with bars, and the choice behind the selected one ---

const phaseName = (phase) => `${phase.name}, ${count(phase.rows, "token")}`;
let phaseAt = 0;
let kernelAt = -1;

/// How far from the best there is.
function gapText() {
  const stored = facts.cost - facts.objective_seconds;
  return `Cost ${seconds(facts.cost)}, of which ${seconds(stored)} for stored bytes; ` + (facts.proved
    ? "proved: no program of these rules costs less."
    : `none of these rules costs less than ${seconds(facts.lower_bound)} (gap ${+(100 * facts.gap).toPrecision(2)} %).`);
}

function memoryText() {
  const use = facts.memory;
  if (!use) return "";
  return `Memory ${megabytes(use.total_bytes)} of ${megabytes(use.limit_bytes)}: ${megabytes(use.weights_bytes)} weights, ` +
    `${megabytes(use.kv_cache_bytes)} KV cache of ${count(use.ctx, "token")}, ` +
    `${megabytes(use.activation_bytes + use.scratch_bytes)} buffers. `;
}

const busyText = () => facts.busy_rows.text
  ? `${facts.busy_rows.text[0].toUpperCase()}${facts.busy_rows.text.slice(1)}. ` : "";

function showPhases() {
  byId("title").textContent = `${facts.model} ${facts.dtype}, ${count(facts.threads, "thread")}, ${facts.target}`;
  byId("summary").textContent =
    `Chosen from 10^${Math.round(Math.log10(Math.max(1, facts.programs)))} programs; ` +
    `${facts.peaks} peaks; nntune ${facts.nntune_version}. The whole is ${seconds(facts.objective_seconds)}: ` +
    facts.uses.map((p) => `${+p.calls.toPrecision(3)} × ${phaseName(p)}`).join(" + ") +
    `. ${gapText()} ${memoryText()}${busyText()}A runner-up costs what the whole would grow by.`;
  byId("phases").append(...facts.phases.map((phase, i) => element("button", {
    type: "button", role: "tab", id: `phase-${i}`, "aria-controls": "kernels", onclick: () => selectKernel(i, 0),
    onkeydown: (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = (i + step + facts.phases.length) % facts.phases.length;
      selectKernel(next, 0);
      byId(`phase-${next}`).focus();
    } }, `${phaseName(phase)}: ${seconds(phase.seconds)}, ${phase.tok_per_s.toFixed(1)} tok/s${phase.decode_context ? ` behind ${phase.decode_context} tokens` : ""}`)));
}

function kernelButton(kernel, i, largest) {
  const details = [count(kernel.repeat, "call"), percent(kernel.share), `${percent(kernel.roofline, 0)} of roofline`];
  return element("button", { type: "button", class: "kernel", id: `kernel-${i}`, "aria-pressed": "false",
                             onclick: () => go(`#kernel-${phaseAt}-${i}`) },
    element("span", { class: "mono" }, kernel.name), element("span", { class: "time" }, seconds(kernel.seconds)),
    element("span", { class: "track", "aria-hidden": "true" },
      element("i", { class: kernel.source, style: `width:${(100 * kernel.share / largest).toFixed(2)}%` })),
    element("span", { class: "facts small faint" }, details.join(" · ") + " · ",
      element("span", { class: kernel.source }, kernel.source)));
}

function showKernels() {
  const phase = facts.phases[phaseAt];
  const largest = Math.max(...phase.kernels.map((k) => k.share));
  const stages = [];
  phase.kernels.forEach((kernel, i) => {
    if (stages.length === 0 || stages.at(-1).name !== kernel.section) {
      stages.push({ name: kernel.section, repeat: kernel.repeat, share: 0, rows: [] });
    }
    stages.at(-1).share += kernel.share;
    stages.at(-1).rows.push(kernelButton(kernel, i, largest));
  });
  byId("kernels").setAttribute("aria-labelledby", `phase-${phaseAt}`);
  byId("kernels").replaceChildren(...stages.map((stage) => element("div", { class: "stage" },
    element("h3", {}, stage.repeat === 1 ? stage.name : `${stage.name}, ${stage.repeat} times`,
      element("span", { class: "faint" }, percent(stage.share))), stage.rows)));
  facts.phases.forEach((_, i) => {
    byId(`phase-${i}`).setAttribute("aria-selected", i === phaseAt);
    byId(`phase-${i}`).tabIndex = i === phaseAt ? 0 : -1;
  });
}

const term = (name, ...value) => [element("dt", {}, name), element("dd", {}, ...value)];

function alternatives(kernel) {
  if (kernel.others.length === 0) return element("p", {}, "No other kernel that fits the rest.");
  const kFirst = 6;
  const row = (other) => element("tr", {}, element("td", { class: "number" }, growth(other.growth_seconds)),
    element("td", {}, element("code", {}, other.name)),
    element("td", { class: "number" }, other.seconds === undefined ? "view" : seconds(other.seconds),
      other.source ? element("div", { class: `small ${other.source}` }, other.source) : null));
  const body = element("tbody", {}, kernel.others.slice(0, kFirst).map(row));
  const more = kernel.others.length <= kFirst ? null : element("button", { type: "button", onclick: (event) => {
    body.append(...kernel.others.slice(kFirst).map(row));
    event.target.remove();
  } }, `all ${kernel.others.length}`);
  return element("div", { class: "scroll" }, element("table", {},
    element("thead", {}, element("tr", {}, element("th", { class: "number" }, "the whole"), element("th", {}, "instead"),
      element("th", { class: "number" }, "one call"))), body), more);
}

function showChoice() {
  const kernel = facts.phases[phaseAt].kernels[kernelAt];
  const from = kernel.provenance;
  const m = from.measurement;
  choice.replaceChildren(
    element("h3", {}, element("code", {}, kernel.name)),
    element("dl", {},
      term("one call", `${seconds(kernel.seconds)}, `, element("span", { class: kernel.source }, kernel.source)),
      term("share", `${percent(kernel.share)} of ${phaseName(facts.phases[phaseAt])}, ${count(kernel.repeat, "call")}`),
      term("roofline", from.roofline ? `${percent(kernel.roofline, 0)}: ${from.roofline.text} takes ${seconds(from.roofline.seconds)}` : "–"),
      term("the number", from.text + "."),
      m ? term("measurement", `row ${m.id} (${m.uid.slice(0, 12)}), ${m.compiler}`,
        from.session ? `; ${from.session.command} of ${from.session.model}, started ${from.session.started_at.slice(0, 16).replace("T", " ")}` : "") : [],
      kernel.input_layout ? term("input", kernel.input_layout + ".") : []),
    element("button", { type: "button", onclick: () => { go(`#class-${kernel.class}`); byId("egraph").scrollIntoView(); } },
      `See class ${kernel.class} in the e-graph`),
    element("h3", {}, `Instead (${count(kernel.alternatives, "other way", "other ways")})`), alternatives(kernel),
    element("h3", {}, "Rules that made it"),
    kernel.rules.length === 0 ? element("p", {}, "None: it is an operation of the model as imported.")
      : element("ol", { class: "rules" }, kernel.rules.map((step) => element("li", {}, step.rule,
          element("span", { class: "faint small" }, ` (${step.family}${step.backward ? ", backwards" : ""})`), element("br"), element("code", {}, step.made)))),
    element("h3", {}, "Schedule"),
    kernel.schedule === null ? element("p", {}, "–") : element("ul", { class: "chips" },
      Object.entries(kernel.schedule).map(([knob, value]) => element("li", {}, element("code", {}, `${knob} ${value}`)))),
    element("h3", {}, "Reads and writes"),
    element("dl", {}, kernel.inputs.map((input) => term(input.kind, element("code", {}, `${input.name}: ${input.type}`))),
      term("result", element("code", {}, kernel.output))),
    element("p", { class: "faint small" }, element("code", {}, kernel.workload), element("br"),
      "nntune why ", element("code", {}, kernel.hash.slice(0, 8))));
  choice.scrollTop = 0;
  placeChoice();
}

/// Beside the kernels, or where there is no room, right below the selected one.
function placeChoice() {
  if (narrow.matches) byId(`kernel-${kernelAt}`).after(choice);
  else beside.append(choice);
}
narrow.addEventListener("change", placeChoice);

function selectKernel(phase, kernel) {
  if (phase !== phaseAt || kernelAt < 0) {
    phaseAt = phase;
    showKernels();
  }
  byId(`kernel-${kernelAt}`)?.setAttribute("aria-pressed", "false");
  kernelAt = kernel;
  byId(`kernel-${kernel}`).setAttribute("aria-pressed", "true");
  showChoice();
  selectClass(facts.phases[phase].kernels[kernel].class);
}

// --- the e-graph: classes and who reads them ---

const classes = new Map(egraph.classes.map((c) => [c.id, c]));
const users = new Map();
for (const c of egraph.classes) {
  for (const operand of new Set(c.n.flatMap((n) => n.c))) {
    if (!users.has(operand)) users.set(operand, []);
    users.get(operand).push(c.id);
  }
}
const nodeName = (n) => (n.w >= 0 ? egraph.workloads[n.w].name : egraph.ops[n.o]);
const nodeSeconds = (n) => (n.w >= 0 ? egraph.workloads[n.w].seconds : null);
const isChosen = (c) => c.n.some((n) => n.s === kStates.chosen);
const isConstant = (c) => c.s < 0;
const order = (n) => [n.s === kStates.constant ? 1 : n.s, nodeSeconds(n) ?? 0];
for (const c of egraph.classes) {
  c.n.sort((a, b) => order(a)[0] - order(b)[0] || order(a)[1] - order(b)[1]);
}
function whyNot(n) {
  if (n.s === kStates.refused) return `no kernel here: ${egraph.workloads[n.w].why_not}`;
  if (n.s !== kStates.noKernel) return "";
  if (n.y >= 0) return egraph.reasons[n.y];
  return "nothing computes this at run time";
}
const sectionName = (c) => {
  if (c.s < 0) return c.n.some((n) => n.s === kStates.constant || n.s === kStates.chosen) ? "computed ahead of time" : "of no section";
  const at = egraph.sections[c.s];
  return `${phaseName({ name: at.phase, rows: at.rows })}, ${at.section}`;
};

let selected = -1;
let whole = false;
const kOpen = new Set();  // classes drawn with all their nodes

const walk = (id) => {
  const c = classes.get(id);
  return element("button", { type: "button", class: "walk small", onclick: () => go(`#class-${id}`) },
    `${id} ${isChosen(c) ? "● " : ""}`, element("code", {}, egraph.types[c.t]));
};

function showClass() {
  const c = classes.get(selected);
  const readers = users.get(selected) ?? [];
  const kFirst = 12;
  const list = (items, make) => {
    const holder = element("ul", {}, items.slice(0, kFirst).map(make));
    if (items.length > kFirst) {
      holder.append(element("li", {}, element("button", { type: "button", onclick: (event) => {
        event.target.parentNode.replaceWith(...items.slice(kFirst).map(make));
      } }, `all ${items.length}`)));
    }
    return holder;
  };
  byId("class").replaceChildren(element("div", {},
    element("h3", {}, `Class ${selected}: `, element("code", {}, egraph.types[c.t])),
    element("p", { class: "small faint" }, `${sectionName(c)}; ${count(c.n.length, "node")}: equal ways to compute this`),
    list(c.n, (n) => element("li", { class: `s${n.s}` }, `${kMarks[n.s]} `, element("code", {}, nodeName(n)),
      nodeSeconds(n) === null ? null : ` ${seconds(nodeSeconds(n))}, ${egraph.workloads[n.w].source}`,
      element("div", { class: "small faint" }, [n.s === kStates.chosen ? "chosen" : whyNot(n),
        n.r < 0 ? "imported" : `added by ${egraph.rules[n.r]}`].filter(Boolean).join("; ")),
      n.c.map(walk)))),
    element("div", {}, element("h3", {}, `Read by ${count(readers.length, "class", "classes")}`),
    list([...readers].sort((a, b) => isChosen(classes.get(b)) - isChosen(classes.get(a))), (id) => element("li", {}, walk(id)))));
  byId("class").scrollTop = 0;
}

// --- drawing: boxes for classes, their nodes as lines, edges to operands ---

const kBox = { width: 372, line: 18, head: 24, gap: 16, between: 110 };
const view = { x: 0, y: 0, scale: 1 };
let bounds = { x: 0, y: 0, width: 1, height: 1 };
const stage = drawn("g", {});
byId("drawing").append(stage);

function boxOf(id, lines, only) {
  const c = classes.get(id);
  const all = only ? c.n.filter(only) : c.n;
  const shown = kOpen.has(id) ? all : all.slice(0, lines);
  const hidden = all.length - shown.length;
  return { id, c, shown, hidden, height: kBox.head + (shown.length + (hidden > 0 ? 1 : 0)) * kBox.line + 8 };
}

function place(box, x, y) {
  const lines = box.shown.map((n, i) => {
    const time = nodeSeconds(n) === null ? "" : seconds(nodeSeconds(n));
    const y0 = kBox.head + i * kBox.line + 12;
    return [drawn("text", { class: `s${n.s}`, x: 10, y: y0 }, `${kMarks[n.s]} ${reduced(nodeName(n), 37)}`,
              drawn("title", {}, [nodeName(n), whyNot(n)].filter(Boolean).join("\n"))),
            time ? drawn("text", { class: `s${n.s}`, x: kBox.width - 10, y: y0, "text-anchor": "end" }, time) : null];
  });
  if (box.hidden > 0) {
    lines.push(drawn("text", { class: "heading", x: 10, y: kBox.head + box.shown.length * kBox.line + 12 }, `… ${box.hidden} more`));
  }
  const enter = () => {
    if (box.id === selected && box.hidden > 0) {
      kOpen.add(box.id);
      draw();
    } else go(`#class-${box.id}`);
  };
  const kind = [box.id === selected && "selected", isChosen(box.c) && "chosen", isConstant(box.c) && "constant"];
  stage.append(drawn("g", { class: ["box", ...kind].filter(Boolean).join(" "), transform: `translate(${x},${y})`, tabindex: 0,
      role: "button", "aria-label": `class ${box.id}, ${egraph.types[box.c.t]}`, onclick: () => { if (!moved) enter(); },
      onkeydown: (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); enter(); } } },
    drawn("rect", { width: kBox.width, height: box.height, rx: 8 }),
    drawn("text", { class: "heading", x: 10, y: 17 }, reduced(`${box.id}  ${egraph.types[box.c.t]}`, 48)), lines));
  Object.assign(box, { x, y });
}

const line = (x0, y0, x1, y1, chosen, upright) => stage.prepend(drawn("path", { class: chosen ? "chosen" : "",
  d: upright ? `M${x0},${y0} C${x0},${(y0 + y1) / 2} ${x1},${(y0 + y1) / 2} ${x1},${y1}`
             : `M${x0},${y0} C${(x0 + x1) / 2},${y0} ${(x0 + x1) / 2},${y1} ${x1},${y1}` }));
const lineY = (box, i) => box.y + kBox.head + Math.min(i, box.shown.length) * kBox.line + 8;

/// Who reads the class on the left, it in the middle, what its nodes read on the right.
function drawNeighbours() {
  const kLeft = 6, kRight = 7, kLines = 2;
  const centre = boxOf(selected, 16);
  const chosenFirst = (a, b) => isChosen(classes.get(b)) - isChosen(classes.get(a));
  const left = [...(users.get(selected) ?? [])].filter((id) => id !== selected).sort(chosenFirst);
  const right = [...new Set(centre.shown.flatMap((n) => n.c))].filter((id) => id !== selected);
  const column = (ids, most, x) => {
    const boxes = ids.slice(0, most).map((id) => boxOf(id, kLines));
    const height = boxes.reduce((sum, box) => sum + box.height + kBox.gap, -kBox.gap) + (ids.length > most ? 30 : 0);
    let y = (centre.height - height) / 2;
    for (const box of boxes) {
      place(box, x, y);
      y += box.height + kBox.gap;
    }
    if (ids.length > most) stage.append(drawn("text", { class: "heading", x: x + 10, y: y + 14 }, `… ${ids.length - most} more classes, in the list`));
    return new Map(boxes.map((box) => [box.id, box]));
  };
  place(centre, 0, 0);
  const step = kBox.width + kBox.between;
  const readers = column(left, kLeft, -step);
  const operands = column(right, kRight, step);
  for (const box of readers.values()) {
    box.shown.forEach((n, i) => {
      if (n.c.includes(selected)) line(box.x + kBox.width, lineY(box, i), 0, 12, n.s === kStates.chosen);
    });
    if (!box.shown.some((n) => n.c.includes(selected))) line(box.x + kBox.width, lineY(box, box.shown.length), 0, 12, false);
  }
  centre.shown.forEach((n, i) => {
    for (const operand of n.c) {
      const box = operands.get(operand);
      if (box) line(kBox.width, lineY(centre, i), box.x, box.y + 12, n.s === kStates.chosen);
    }
  });
}

/// The chosen nodes of the section of the selected class, operands above their users; constants are left out.
function drawSection() {
  const section = classes.get(selected).s;
  const inside = egraph.classes.filter((c) => c.s === section && isChosen(c));
  const chosenNode = (c) => c.n.find((n) => n.s === kStates.chosen);
  const level = new Map();
  const levelOf = (c) => {
    if (!level.has(c.id)) {
      level.set(c.id, 0);  // the chosen program has no cycles
      const above = chosenNode(c).c.map((id) => classes.get(id)).filter((o) => o.s === section && isChosen(o));
      level.set(c.id, above.length === 0 ? 0 : 1 + Math.max(...above.map(levelOf)));
    }
    return level.get(c.id);
  };
  const rows = [];
  for (const c of inside) (rows[levelOf(c)] ??= []).push(c);
  const boxes = new Map();
  let y = 0;
  for (const row of rows) {
    row.forEach((c, i) => {
      const box = boxOf(c.id, 1, (n) => n.s === kStates.chosen);
      boxes.set(c.id, box);
      place(box, (i - (row.length - 1) / 2) * (kBox.width + 40), y);
    });
    y += kBox.head + kBox.line + 8 + 44;
  }
  for (const box of boxes.values()) {
    for (const id of new Set(chosenNode(box.c).c)) {
      const operand = boxes.get(id);
      if (operand) line(operand.x + kBox.width / 2, operand.y + operand.height, box.x + kBox.width / 2, box.y, true, true);
    }
  }
}

function draw() {
  stage.replaceChildren();
  const asSection = whole && classes.get(selected).s >= 0;
  byId("near").setAttribute("aria-pressed", !asSection);
  byId("whole").setAttribute("aria-pressed", asSection);
  byId("whole").disabled = classes.get(selected).s < 0;
  if (asSection) drawSection();
  else drawNeighbours();
  bounds = stage.getBBox();
}

function applyView() {
  stage.setAttribute("transform", `translate(${view.x},${view.y}) scale(${view.scale})`);
}

/// All of it, but never too small to read: then the selected class is in the middle.
function fitView() {
  const { clientWidth: width, clientHeight: height } = byId("drawing");
  const kReadable = whole ? 0.6 : 0.72;
  const fits = Math.min(width / (bounds.width + 40), height / (bounds.height + 40), 1.1);
  view.scale = Math.max(fits, kReadable);
  const box = stage.querySelector(".box.selected > rect");
  let centre = { x: bounds.x + bounds.width / 2, y: bounds.y + bounds.height / 2 };
  if (fits < kReadable && box) {
    const at = box.parentNode.transform.baseVal[0].matrix;
    const boxWidth = Number(box.getAttribute("width")), boxHeight = Number(box.getAttribute("height"));
    centre = { x: at.e + boxWidth / 2, y: at.f + Math.min(boxHeight / 2, height / view.scale / 2 - 20) };
    // Narrow: its beginning is what has to be seen.
    if (width / view.scale < boxWidth + 20) centre.x = at.e - 10 + width / view.scale / 2;
  }
  view.x = width / 2 - centre.x * view.scale;
  view.y = height / 2 - centre.y * view.scale;
  applyView();
}

function zoom(factor, x, y) {
  const { clientWidth, clientHeight } = byId("drawing");
  const at = { x: x ?? clientWidth / 2, y: y ?? clientHeight / 2 };
  const scale = Math.min(4, Math.max(0.1, view.scale * factor));
  view.x = at.x - (at.x - view.x) * scale / view.scale;
  view.y = at.y - (at.y - view.y) * scale / view.scale;
  view.scale = scale;
  applyView();
}

function selectClass(id) {
  if (!classes.has(id)) return;
  selected = id;
  showClass();
  draw();
  fitView();
}

// --- moving the drawing: pointers, wheel, keys ---

let moved = false;
const pointers = new Map();
const drawing = byId("drawing");
const apart = () => {
  const [a, b] = [...pointers.values()];
  return Math.hypot(a.x - b.x, a.y - b.y);
};
drawing.addEventListener("pointerdown", (event) => {
  pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
  moved = false;
});
drawing.addEventListener("pointermove", (event) => {
  const old = pointers.get(event.pointerId);
  if (!old) return;
  const now = { x: event.offsetX, y: event.offsetY };
  if (!moved && Math.hypot(now.x - old.x, now.y - old.y) < 4) return;
  if (!moved) drawing.setPointerCapture(event.pointerId);
  moved = true;
  if (pointers.size === 2) {
    const before = apart();
    pointers.set(event.pointerId, now);
    zoom(apart() / before, now.x, now.y);
    return;
  }
  view.x += now.x - old.x;
  view.y += now.y - old.y;
  pointers.set(event.pointerId, now);
  applyView();
});
for (const end of ["pointerup", "pointercancel", "pointerleave"]) {
  drawing.addEventListener(end, (event) => pointers.delete(event.pointerId));
}
drawing.addEventListener("wheel", (event) => {
  if (!event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  zoom(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
}, { passive: false });
drawing.addEventListener("keydown", (event) => {
  const move = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
  if (move) {
    view.x += move[0];
    view.y += move[1];
    applyView();
  } else if (event.key === "+" || event.key === "=") zoom(1.25);
  else if (event.key === "-") zoom(0.8);
  else if (event.key === "0") fitView();
  else return;
  event.preventDefault();
});
byId("larger").addEventListener("click", () => zoom(1.25));
byId("smaller").addEventListener("click", () => zoom(0.8));
byId("fit").addEventListener("click", fitView);
byId("back").addEventListener("click", () => history.back());
for (const [id, value] of [["near", false], ["whole", true]]) {
  byId(id).addEventListener("click", () => {
    whole = value;
    draw();
    fitView();
  });
}
new ResizeObserver(fitView).observe(drawing);

// --- search ---

const searchable = egraph.classes.map((c) => ({ c,
  text: `class ${c.id} ${egraph.types[c.t]} ${sectionName(c)} ${c.n.map((n) => `${egraph.ops[n.o]} ${nodeName(n)}`).join(" ")}`.toLowerCase() }));

function find() {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const list = byId("found");
  list.hidden = words.length === 0;
  if (words.length === 0) return [];
  const number = words.length === 1 || words[0] === "class" ? Number(words.at(-1)) : NaN;
  // First the class of that number, then those where one node has all words, the node shown before the others.
  const has = (n) => words.every((word) => `${egraph.ops[n.o]} ${nodeName(n)}`.toLowerCase().includes(word));
  const rank = (c) => (c.id === number ? 0 : has(c.n[0]) ? 1 : c.n.some(has) ? 2 : 3);
  const hits = searchable.filter(({ c, text }) => c.id === number || words.every((word) => text.includes(word)))
    .map(({ c }) => ({ c, rank: rank(c) })).sort((a, b) => a.rank - b.rank || isChosen(b.c) - isChosen(a.c)).map(({ c }) => c);
  const kMost = 40;
  list.replaceChildren(...hits.slice(0, kMost).map((c) => element("li", {}, element("button", { type: "button", class: "small",
    onclick: () => go(`#class-${c.id}`) }, `${c.id} ${isChosen(c) ? "● " : ""}`, element("code", {}, nodeName(c.n[0])),
    element("span", { class: "faint" }, ` ${egraph.types[c.t]}; ${sectionName(c)}`)))),
    element("li", { class: "faint small" }, hits.length === 0 ? "no class has all of these words"
      : hits.length > kMost ? `${kMost} of ${hits.length} classes` : count(hits.length, "class", "classes")));
  return hits;
}
byId("search").addEventListener("input", find);
byId("search").addEventListener("keydown", (event) => {
  if (event.key === "Enter") {
    const hits = find();
    if (hits.length > 0) go(`#class-${hits[0].id}`);
  } else if (event.key === "Escape") {
    byId("search").value = "";
    find();
  }
});

// --- layouts and rules ---

function showLayouts() {
  const both = (b) => b === null ? "A second form beside it saves nothing."
    : `With ${b.type} beside it the whole takes ${growth(-b.saved_seconds)}, for ${megabytes(b.bytes)} more, which are priced ` +
      `${seconds(b.price_seconds)}: ${b.saved_seconds > b.price_seconds ? "it would pay." : "it does not pay."}`;
  byId("layouts").append(
    element("p", { class: "faint small" }, `One form for all phases; a stored byte is priced ${facts.stored_byte_seconds.toPrecision(3)} s of the whole.`),
    ...facts.layouts.map((layout) => element("div", { class: "layout" }, element("code", {}, layout.weight),
      element("dl", {}, term("stored", element("code", {}, layout.type), `, ${megabytes(layout.bytes)}`),
        term("runner-up", layout.runner_up === null ? "no other form" : [element("code", {}, layout.runner_up.type),
          `, ${megabytes(layout.runner_up.bytes)}: ${growth(layout.runner_up.growth_seconds)} for the whole`]),
        term("both", both(layout.both))))),
    element("p", { class: "faint small" }, "What a sequence keeps lies in one layout for all phases, too."),
    ...facts.states.map((state) => element("div", { class: "layout" }, element("code", {}, state.name),
      element("dl", {}, term("stored", element("code", {}, state.type)),
        term("runner-up", state.runner_up === null ? "no other layout" : [element("code", {}, state.runner_up.type),
          `: ${growth(state.runner_up.growth_seconds)} for the whole`])))));
}

function showRules() {
  const s = facts.saturation;
  byId("egraph-summary").textContent = `${facts.nodes} nodes in ${facts.classes} classes after ` +
    `${count(s.iterations, "iteration")} (${s.stop}); ${facts.workloads} kernels costed. ${s.cut_off || "No limit cut anything off"}.`;
  byId("rules").append(
    element("p", {}, `${s.stop} after ${count(s.iterations, "iteration")}, ${seconds(s.seconds)}. ${s.cut_off || "No limit cut anything off"}.`),
    element("div", { class: "scroll" }, element("table", { class: "wide" }, element("thead", {}, element("tr", {},
      ["rule", "family"].map((name) => element("th", {}, name)),
      ["matches", "that changed something", "held back"].map((name) => element("th", { class: "number" }, name)))),
      element("tbody", {}, s.rules.map((rule) => element("tr", {}, element("td", {}, rule.rule), element("td", {}, rule.family),
        [rule.matches, rule.applied, rule.bans].map((n) => element("td", { class: "number" }, n)))))) ));
}

// --- where one is stands in the address, so that the browser's Back works ---

const go = (hash) => { if (location.hash === hash) follow(); else location.hash = hash; };
function follow() {
  const [, what, first, second] = location.hash.match(/^#(class|kernel)-(\d+)(?:-(\d+))?$/) ?? [];
  if (what === "class") selectClass(Number(first));
  else if (what === "kernel" && facts.phases[first]?.kernels[second]) selectKernel(Number(first), Number(second));
}
addEventListener("hashchange", follow);
showPhases();
showLayouts();
showRules();
const heaviest = (phase) => phase.kernels.reduce((best, k, i, all) => (k.share > all[best].share ? i : best), 0);
selectKernel(0, heaviest(facts.phases[0]));
follow();
