// Draws what layout.js places, as shapes of an SVG.

const Paint = (() => {
  function shape(name, attributes, parent, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
  }

  const pen = document.createElement("canvas").getContext("2d");
  function measure(text, size, bold) {
    pen.font = `${bold ? "bold " : ""}${size}px Helvetica, Arial, "Liberation Sans", sans-serif`;
    return pen.measureText(text).width;
  }

  // Everything, from the back to the front.
  function paint(picture, model, tree, svg) {
    const many = model.devices.length > 1;
    svg.replaceChildren();
    const stage = shape("g", { id: "stage" }, svg);
    for (const one of picture.blocks) block(one, many, stage);
    for (const one of picture.edges) edge(one, stage);
    for (const one of picture.blocks) title(one, stage);
    for (const one of picture.boxes) box(one, many, stage);
    for (const one of picture.edges) if (one.label) label(one, tree, stage);
  }

  const fill = (item) => {
    if (item.kind === "block") return "var(--depth2)";
    return item.training ? "var(--training)" : `var(--${item.rows[0][2]})`;
  };
  const line = (item, many) => {
    if (many && item.device !== null) return `var(--device${item.device % 8})`;
    if (item.kind === "block") return "var(--border)";
    return item.training ? "var(--training-line)" : `var(--${item.rows[0][2]}-line)`;
  };

  function block({ item, x, y, width, height }, many, stage) {
    const group = shape("g", { class: "block", "data-id": item.id, tabindex: 0, role: "button" }, stage);
    const look = { fill: `var(--depth${item.depth % 3})`, stroke: line(item, many), class: item.training ? "training" : "" };
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

  function box({ item, x, y, width, height }, many, stage) {
    const folded = item.kind === "block";
    const attributes = { class: folded ? "folded" : "box", "data-id": item.id, tabindex: 0 };
    const group = shape("g", folded ? { ...attributes, role: "button" } : attributes, stage);
    const look = { fill: fill(item), stroke: line(item, many), "stroke-width": many ? 1.8 : 1 };
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

  function label({ label, training, source }, tree, stage) {
    const around = tree.items.get(source)?.parent ?? tree.root;
    const under = around.parent ? `--under: var(--depth${around.depth % 3})` : "";
    const style = { "font-size": 10, class: training ? "label quiet" : "label" };
    shape("text", { x: label.x, y: label.y + 9, ...style }, stage, label.text).setAttribute("style", under);
  }

  return { paint, measure };
})();
