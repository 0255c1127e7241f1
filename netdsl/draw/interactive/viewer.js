// The page: answers to the mouse, the keyboard and the search field.

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

  function element(name, parent, text = "") {
    const made = document.createElement(name);
    made.textContent = text;
    parent.append(made);
    return made;
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
    picture = Layout.layout(tree, open, direction, Paint.measure);
    Paint.paint(picture, model, tree, svg);
    mark(marked);
    const left = picture.left ? `${picture.left} lines are not drawn, but named where they would end` : "";
    const told = [...model.facts, model.paper, left].filter(Boolean);
    document.getElementById("facts").textContent = told.join(" · ");
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
