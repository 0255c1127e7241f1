// The page: draws what layout.js places, and answers to the mouse, the keyboard and the search field.

(() => {
  const model = JSON.parse(document.getElementById("model").textContent);
  const tree = Layout.index(model);
  const svg = document.getElementById("picture");
  const tip = document.getElementById("tip");
  const search = document.getElementById("search");
  const results = document.getElementById("found");
  const number = (value) => value.toLocaleString("en-US");
  let open = model.open === null ? Layout.opened(tree, 40) : opened(model.open);
  let direction = model.direction;
  let view = { x: 0, y: 0, scale: 1 };
  let picture = null;
  let marked = "";

  // Small things to make

  function shape(name, attributes, parent, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
  }

  function element(name, parent, text = "") {
    const made = document.createElement(name);
    made.textContent = text;
    parent.append(made);
    return made;
  }

  const pen = document.createElement("canvas").getContext("2d");
  function measure(text, size, bold) {
    pen.font = `${bold ? "bold " : ""}${size}px Helvetica, Arial, "Liberation Sans", sans-serif`;
    return pen.measureText(text).width;
  }

  // Blocks

  function opened(depth) {
    const found = new Set();
    for (const item of tree.items.values()) if (item.items && item.parent && item.depth < depth) found.add(item.id);
    return found;
  }

  function toggle(item, anchor) {
    if (open.has(item.id)) open.delete(item.id);
    else open.add(item.id);
    const before = placed(item.id);
    draw();
    const after = placed(item.id);
    if (anchor && before && after) {
      view.x += (before.x + before.width / 2 - after.x - after.width / 2) * view.scale;
      view.y += (before.y - after.y) * view.scale;
    }
    look();
  }

  function placed(id) {
    return [...picture.boxes, ...picture.blocks].find((one) => one.item.id === id);
  }

  // Drawing

  function draw() {
    picture = Layout.layout(tree, open, direction, measure);
    svg.replaceChildren();
    const stage = shape("g", { id: "stage" }, svg);
    for (const one of picture.blocks) block(one, stage);
    for (const one of picture.edges) edge(one, stage);
    for (const one of picture.blocks) title(one, stage);
    for (const one of picture.boxes) box(one, stage);
    for (const one of picture.edges) if (one.label) label(one, stage);
    mark(marked);
  }

  const fill = (item) => {
    if (item.kind === "block") return "var(--depth2)";
    return item.training ? "var(--training)" : `var(--${item.rows[0][2]})`;
  };
  const line = (item) => {
    if (model.devices.length > 1 && item.device !== null) return `var(--device${item.device % 8})`;
    if (item.kind === "block") return "var(--border)";
    return item.training ? "var(--training-line)" : `var(--${item.rows[0][2]}-line)`;
  };

  function block({ item, x, y, width, height }, stage) {
    const group = shape("g", { class: "block", "data-id": item.id, tabindex: 0, role: "button" }, stage);
    const look = { fill: `var(--depth${item.depth % 3})`, stroke: line(item), class: item.training ? "training" : "" };
    shape("rect", { x, y, width, height, rx: 7, ...look }, group);
  }

  // The title of an open block, above the edges that come in through it.
  function title({ item, x, y }, stage) {
    const group = shape("g", { class: "block", "data-id": item.id, style: `--under: var(--depth${item.depth % 3})` }, stage);
    shape("text", { x: x + 10, y: y + 16, "font-size": 11, class: "label quiet" }, group, "▾");
    let at = x + 24;
    for (const [left, right, small] of Layout.rows(item)) {
      const style = small ? { "font-size": 10, class: "label quiet" } : { "font-size": 12, class: "label bold" };
      shape("text", { x: at, y: y + 16, ...style }, group, `${left} ${right}`.trim());
      at += measure(`${left} ${right}`, small ? 10 : 12, !small) + 8;
    }
  }

  function box({ item, x, y, width, height }, stage) {
    const folded = item.kind === "block";
    const attributes = { class: folded ? "folded" : "box", "data-id": item.id, tabindex: 0 };
    const group = shape("g", folded ? { ...attributes, role: "button" } : attributes, stage);
    const look = { fill: fill(item), stroke: line(item), "stroke-width": model.devices.length > 1 ? 1.8 : 1 };
    const round = item.kind === "input" || item.kind === "output" ? height / 2 : 4;
    if (item.copies > 1) shape("rect", { x: x + 4, y: y - 4, width, height, rx: 4, ...look }, group);
    const dashed = item.training ? { class: "training" } : {};
    shape("rect", { x, y, width, height, rx: round, ...look, ...dashed }, group);
    let at = y + 3;
    for (const [left, right, small] of Layout.rows(item)) {
      const baseline = at + (small ? 10 : 14);
      const style = small ? { "font-size": 10 } : { "font-size": 12, class: "bold" };
      const keyword = folded || small ? left : left.split(" ")[0];
      const words = shape("text", { x: x + 10, y: baseline, ...style }, group, keyword);
      if (keyword !== left) {
        words.append(` `);
        shape("tspan", { "font-weight": "normal" }, words, left.slice(keyword.length + 1));
      }
      const aside = { x: x + width - 10, y: baseline, "font-size": small ? 10 : 11, "text-anchor": "end", class: "quiet" };
      if (right) shape("text", aside, group, right);
      at += small ? Layout.SMALL : Layout.ROW;
    }
  }

  function edge({ points, training, arrow }, stage) {
    const end = points[points.length - 1];
    const before = points[points.length - 2];
    const long = Math.hypot(end.x - before.x, end.y - before.y) || 1;
    const [dx, dy] = [((end.x - before.x) / long) * 6, ((end.y - before.y) / long) * 6];
    const drawn = arrow ? [...points.slice(0, -1), { x: end.x - dx, y: end.y - dy }] : points;
    shape("path", { d: curve(drawn), class: training ? "edge training" : "edge" }, stage);
    if (!arrow) return;
    const tip = [end.x, end.y, end.x - dx - dy * 0.45, end.y - dy + dx * 0.45, end.x - dx + dy * 0.45, end.y - dy - dx * 0.45];
    shape("polygon", { points: tip.map((one) => one.toFixed(1)).join(" "), class: "head" }, stage);
  }

  // A smooth line near its points: quadratic curves between the middles of its stretches.
  function curve(points) {
    const at = ({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`;
    if (points.length < 3) return `M${at(points[0])} L${at(points[points.length - 1])}`;
    let path = `M${at(points[0])}`;
    for (let i = 1; i < points.length - 1; i++) {
      const [here, next] = [points[i], points[i + 1]];
      const last = i === points.length - 2;
      const middle = last ? next : { x: (here.x + next.x) / 2, y: (here.y + next.y) / 2 };
      path += ` Q${at(here)} ${at(middle)}`;
    }
    return path;
  }

  function label({ label, training, source }, stage) {
    const around = tree.items.get(source)?.parent ?? tree.root;
    const under = around.parent ? `--under: var(--depth${around.depth % 3})` : "";
    const style = { "font-size": 10, class: training ? "label quiet" : "label" };
    shape("text", { x: label.x, y: label.y + 9, ...style }, stage, label.text).setAttribute("style", under);
  }

  // The view

  function look() {
    const stage = document.getElementById("stage");
    stage.setAttribute("transform", `translate(${view.x.toFixed(2)} ${view.y.toFixed(2)}) scale(${view.scale.toFixed(4)})`);
  }

  function fit() {
    const { clientWidth: width, clientHeight: height } = svg;
    const [across, along] = [(width - 40) / picture.width, (height - 40) / picture.height];
    const narrow = direction === "TB" ? across : along;
    view.scale = Math.max(Math.min(across, along, 1.4), Math.min(0.8, narrow)); // long networks start at their head
    view.x = Math.max(20, (width - picture.width * view.scale) / 2);
    view.y = Math.max(20, (height - picture.height * view.scale) / 2);
    look();
  }

  function zoom(factor, x = svg.clientWidth / 2, y = svg.clientHeight / 2) {
    const scale = Math.min(4, Math.max(0.02, view.scale * factor));
    view.x = x - ((x - view.x) * scale) / view.scale;
    view.y = y - ((y - view.y) * scale) / view.scale;
    view.scale = scale;
    look();
  }

  // What a box or block is, beside the mouse

  function figures(item) {
    const boxes = Layout.boxes(item);
    const layers = boxes.flatMap((one) => one.layers ?? []).map((path) => model.layers[path]);
    const sum = (key) => layers.reduce((total, layer) => total + layer[key], 0);
    return { layers, params: sum("params"), macs: sum("macs"), flops: sum("flops"), bytes: sum("bytes") };
  }

  function tell(item) {
    tip.replaceChildren();
    if (item.kind === "output") {
      element("h2", tip, `Output ${item.rows[0][3]}`);
    } else if (item.kind === "block") {
      const { layers, params, macs, flops, bytes } = figures(item);
      element("h2", tip, item.id);
      const last = layers[layers.length - 1];
      table([
        ["block", [item.call, item.copies > 1 ? `×${item.copies}` : ""].filter(Boolean).join(" ")],
        ["layers", number(layers.length)],
        ["last output", last ? last.output : ""],
        ...costs({ params, macs, flops, bytes }),
        ["", open.has(item.id) ? "click to fold" : "click to unfold"],
      ]);
    } else {
      item.layers.forEach((path, position) => {
        const layer = model.layers[path];
        if (position) element("hr", tip);
        element("h2", tip, path);
        table([
          ["layer", layer.layer],
          ["shape", [layer.input.join(", "), layer.output].filter(Boolean).join(" → ")],
          ...costs(layer),
          ["field", layer.field && `${layer.field}, stride ${layer.stride}`],
          ["weights of", layer.weights],
        ]);
        if (position === item.layers.length - 1 || layer.place !== model.layers[item.layers[position + 1]].place) {
          const source = element("pre", tip, `${layer.place}\n${layer.source[0].trimStart()}`);
          element("mark", source, layer.source[1]);
          source.append(layer.source[2]);
        }
      });
    }
    tip.hidden = false;
  }

  function costs({ params, macs, flops, bytes }) {
    return [
      ["parameters", params && number(params)],
      ["MACs", macs && number(macs)],
      ["FLOPs", flops && number(flops)],
      ["activations", bytes && `${number(bytes)} B`],
    ];
  }

  function table(rows) {
    const made = element("table", tip);
    for (const [name, value] of rows) {
      if (!value) continue;
      const row = element("tr", made);
      element("td", row, name);
      element("td", row, value);
    }
  }

  function beside(x, y) {
    const { offsetWidth: width, offsetHeight: height } = tip;
    tip.style.left = `${Math.max(8, x + 16 + width < innerWidth ? x + 16 : x - width - 16)}px`;
    tip.style.top = `${Math.max(8, Math.min(y + 12, innerHeight - height - 8))}px`;
  }

  // Search

  const paths = [...tree.layers.keys(), ...[...tree.items.values()].filter((one) => one.items && one.parent).map((one) => one.id)];
  function matches(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const rank = (path) => (path === text ? 0 : path.startsWith(text) ? 1 : 2);
    const says = (path) => `${path} ${model.layers[path]?.layer ?? ""}`.toLowerCase();
    const found = paths.filter((path) => words.every((word) => says(path).includes(word)));
    return found.sort((a, b) => rank(a) - rank(b)).slice(0, 50);
  }

  function offer() {
    results.replaceChildren();
    const text = search.value.trim();
    for (const path of text ? matches(text) : []) {
      const entry = element("li", results, path);
      element("small", entry, ` ${model.layers[path]?.layer ?? "block"}`);
      entry.addEventListener("mousedown", () => visit(path));
    }
    if (text && !results.children.length) element("li", results, "nothing has such a path");
    results.firstChild?.setAttribute("aria-selected", "true");
    results.hidden = !text;
  }

  function visit(path) {
    const item = tree.layers.get(path) ?? tree.items.get(path);
    if (!item || !item.parent) return;
    for (const one of Layout.around(item)) open.add(one.id);
    draw();
    const { x, y, width, height } = placed(item.id);
    view.scale = Math.max(view.scale, 0.8);
    view.x = svg.clientWidth / 2 - (x + width / 2) * view.scale;
    view.y = svg.clientHeight / 2 - (y + Math.min(height, 200) / 2) * view.scale;
    look();
    mark(item.id);
    results.hidden = true;
    history.replaceState(null, "", `#${encodeURIComponent(path)}`);
  }

  function mark(id) {
    marked = id;
    for (const group of svg.querySelectorAll(".found")) group.classList.remove("found");
    for (const group of svg.querySelectorAll("[data-id]")) group.classList.toggle("found", group.dataset.id === id && id !== "");
  }

  // What the page answers to

  const itemOf = (target) => tree.items.get(target.closest?.("[data-id]")?.dataset.id ?? "");
  const fingers = new Map();
  let moved = false;

  svg.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, event);
    moved = false;
  });
  svg.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) {
      const item = itemOf(event.target);
      if (item?.parent) tell(item), beside(event.clientX, event.clientY);
      else tip.hidden = true;
      return;
    }
    const [dx, dy] = [event.clientX - before.clientX, event.clientY - before.clientY];
    if (!moved && Math.hypot(dx, dy) < 4) return;
    if (!moved) svg.setPointerCapture(event.pointerId);
    moved = true;
    tip.hidden = true;
    svg.classList.add("dragged");
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
      const corner = svg.getBoundingClientRect();
      zoom(apart(event) / (apart(before) || 1), other.clientX - corner.left, other.clientY - corner.top);
    } else {
      view.x += dx;
      view.y += dy;
      look();
    }
    fingers.set(event.pointerId, event);
  });
  for (const name of ["pointerup", "pointercancel"]) {
    svg.addEventListener(name, (event) => {
      fingers.delete(event.pointerId);
      svg.classList.remove("dragged");
    });
  }
  svg.addEventListener("pointerleave", () => (tip.hidden = true));
  svg.addEventListener("click", (event) => {
    const item = itemOf(event.target);
    if (moved) return;
    if (item?.parent && item.items) toggle(item, true);
    else mark(item?.id ?? "");
  });
  svg.addEventListener("wheel", (event) => {
    event.preventDefault();
    tip.hidden = true;
    const corner = svg.getBoundingClientRect();
    const turned = event.deltaY * (event.deltaMode ? 30 : 1);
    zoom(Math.exp(-turned / (event.ctrlKey ? 100 : 500)), event.clientX - corner.left, event.clientY - corner.top);
  }, { passive: false });
  svg.addEventListener("focusin", (event) => {
    const item = itemOf(event.target);
    if (!item?.parent || !event.target.matches(":focus-visible")) return;
    const at = event.target.getBoundingClientRect();
    tell(item), beside(at.right, at.top);
  });
  svg.addEventListener("keydown", (event) => {
    const item = itemOf(event.target);
    if ((event.key === "Enter" || event.key === " ") && item?.items && item.parent) {
      event.preventDefault();
      toggle(item, true);
      svg.querySelector(`[data-id="${CSS.escape(item.id)}"]`)?.focus();
    }
  });

  search.addEventListener("input", offer);
  search.addEventListener("blur", () => (results.hidden = true));
  search.addEventListener("keydown", (event) => {
    const entries = [...results.children];
    const at = entries.findIndex((one) => one.getAttribute("aria-selected") === "true");
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && entries.length) {
      event.preventDefault();
      entries[at]?.removeAttribute("aria-selected");
      const next = entries[(at + step + entries.length) % entries.length];
      next.setAttribute("aria-selected", "true");
      next.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter" && entries[at]) {
      visit(entries[at].firstChild.textContent);
    } else if (event.key === "Escape") {
      search.blur();
    }
  });

  const buttons = {
    fold: () => (open = new Set(), draw(), fit()),
    unfold: () => {
      const folded = picture.boxes.filter((one) => one.item.kind === "block").map((one) => one.item);
      const least = Math.min(...folded.map((one) => one.depth));
      for (const item of folded) if (item.depth === least) open.add(item.id);
      draw(), look();
    },
    turn: () => (direction = direction === "TB" ? "LR" : "TB", draw(), fit()),
    less: () => zoom(1 / 1.3),
    more: () => zoom(1.3),
    fit: fit,
    theme: () => {
      const page = document.documentElement;
      page.dataset.theme = page.dataset.theme === "dark" ? "light" : "dark";
      document.getElementById("theme").textContent = page.dataset.theme === "dark" ? "Light" : "Dark";
    },
  };
  for (const [id, action] of Object.entries(buttons)) document.getElementById(id).addEventListener("click", action);
  document.addEventListener("keydown", (event) => {
    if (event.target === search || event.ctrlKey || event.metaKey || event.altKey) return;
    const action = { "+": buttons.more, "=": buttons.more, "-": buttons.less, 0: fit, "/": () => search.focus() }[event.key];
    if (action) event.preventDefault(), action();
  });
  addEventListener("resize", look);
  addEventListener("hashchange", () => visit(decodeURIComponent(location.hash.slice(1))));

  // At first

  document.getElementById("facts").textContent = [...model.facts, model.paper].filter(Boolean).join(" · ");
  document.getElementById("theme").textContent = document.documentElement.dataset.theme === "dark" ? "Light" : "Dark";
  if (![...tree.items.values()].some((one) => one.items && one.parent)) {
    for (const id of ["fold", "unfold"]) document.getElementById(id).hidden = true;
  }
  const legend = document.getElementById("legend");
  const chip = (text, fill, line) => {
    const made = element("span", legend, text);
    Object.assign(made.style, { background: `var(--${fill})`, borderColor: `var(--${line})` });
  };
  for (const role of model.roles) chip(role, role, `${role}-line`);
  if (model.devices.length > 1) for (const device of model.devices) chip(`device ${device}`, "paper", `device${device % 8}`);
  draw();
  fit();
  if (location.hash) visit(decodeURIComponent(location.hash.slice(1)));
})();
