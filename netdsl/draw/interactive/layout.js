// Where everything stands: from a model and the blocks that are open, boxes, blocks and edges with their places.
//
// Each open block is laid out by itself, from the innermost outward, and stands in the one around it as a box of its
// size. What flows into a block from outside comes in through a port at its head, and leaves by one at its foot.

const Layout = (() => {
  const TITLE = 22; // the height of an open block's title
  const MARGIN = 12;
  const ROW = 20;
  const SMALL = 14;
  const MOST_LEVELS = 1000; // that edges of a block pass beside its items
  const FEW_LEVELS = 300; // the same, where those are too many
  const MOST_EDGES = 600;
  const NAMED = 4;

  // The model as a tree with parents, and a map by id.
  function index(model) {
    const root = { id: "", kind: "block", items: model.items, parent: null, depth: -1 };
    const items = new Map([["", root]]);
    const layers = new Map();
    const pending = [root];
    while (pending.length) {
      const item = pending.pop();
      for (const inner of item.items ?? []) {
        inner.parent = item;
        inner.depth = item.depth + 1;
        items.set(inner.id, inner);
        for (const path of inner.layers ?? []) layers.set(path, inner);
        pending.push(inner);
      }
    }
    return { root, items, layers, edges: model.edges };
  }

  // The blocks around an item, from the outermost inward, without the root.
  function around(item) {
    const found = [];
    for (let at = item.parent; at && at.parent; at = at.parent) found.unshift(at);
    return found;
  }

  // All boxes in an item.
  function boxes(item) {
    return item.items ? item.items.flatMap(boxes) : [item];
  }

  // Opens blocks, the outer ones first, until about `most` items can be seen.
  function opened(tree, most) {
    const open = new Set();
    let seen = tree.root.items.length;
    let level = tree.root.items.filter((item) => item.items);
    while (level.length) {
      const further = [];
      for (const block of level) {
        const more = block.items.length - 1;
        if (seen + more > most || block.copies > 4) continue;
        open.add(block.id);
        seen += more;
        further.push(...block.items.filter((item) => item.items));
      }
      level = further;
    }
    return open;
  }

  // The edges of each open block, or of the root: between its items, or from and to ports named after outer boxes.
  function flows(tree, open) {
    const found = new Map();
    const seen = new Set();
    const add = (block, source, target, shape, training, from) => {
      const key = JSON.stringify([block.id, source, target, from]);
      if (seen.has(key)) return;
      seen.add(key);
      if (!found.has(block.id)) found.set(block.id, []);
      found.get(block.id).push({ source, target, shape, training, from });
    };
    for (const [from, to, shape, training] of tree.edges) {
      const chains = [from, to].map((id) => {
        const item = tree.items.get(id);
        const chain = [...around(item), item];
        const folded = chain.findIndex((one) => one.items && !open.has(one.id));
        return folded < 0 ? chain : chain.slice(0, folded + 1);
      });
      const [sources, targets] = chains;
      let common = 0;
      while (common < sources.length && common < targets.length && sources[common] === targets[common]) common++;
      if (common === sources.length || common === targets.length) continue; // within one folded block
      const home = common ? sources[common - 1] : tree.root;
      const key = sources[sources.length - 1].id;
      add(home, sources[common].id, targets[common].id, shape, training, key);
      for (let at = common; at < sources.length - 1; at++) {
        add(sources[at], sources[at + 1].id, `out ${key}`, "", training, key);
      }
      for (let at = common; at < targets.length - 1; at++) {
        add(targets[at], `in ${key}`, targets[at + 1].id, "", training, key);
      }
    }
    return found;
  }

  // The edges of a block that are drawn: all, or where they pass too many levels, the shortest, and one from and to
  // each item if there is room. Dagre's time grows steeply with the levels. Items name what they read without an edge.
  function thinned(block, edges) {
    for (const item of block.items) item.reads = [];
    const place = new Map(block.items.map(({ id }, number) => [id, number]));
    const level = new Map();
    const sorted = [...edges].sort((a, b) => (place.get(a.target) ?? Infinity) - (place.get(b.target) ?? Infinity));
    for (const { source, target } of sorted) {
      level.set(target, Math.max(level.get(target) ?? 0, (level.get(source) ?? 0) + 1));
    }
    const passed = (edge) => level.get(edge.target) - (level.get(edge.source) ?? 0) - 1;
    const total = edges.reduce((sum, edge) => sum + passed(edge), 0);
    if (total <= MOST_LEVELS && edges.length <= MOST_EDGES) return edges;
    const drawn = new Set();
    const joined = new Set();
    let sum = 0;
    for (const edge of [...edges].sort((a, b) => passed(a) - passed(b))) {
      const ends = [`into ${edge.target}`, `out of ${edge.source}`];
      const port = !place.has(edge.target) || !place.has(edge.source);
      const most = port || ends.some((end) => !joined.has(end)) ? 2 : 1;
      if (sum + passed(edge) > most * FEW_LEVELS || drawn.size >= most * MOST_EDGES) continue;
      sum += passed(edge);
      drawn.add(edge);
      ends.forEach((end) => joined.add(end));
    }
    const items = new Map(block.items.map((item) => [item.id, item]));
    for (const edge of edges) if (!drawn.has(edge)) items.get(edge.target)?.reads.push(edge.from);
    return edges.filter((edge) => drawn.has(edge));
  }

  // What an item says that it reads, where no edge tells it.
  function read(item) {
    const names = item.reads ?? [];
    if (!names.length) return [];
    const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : "";
    return [[`reads ${names.slice(0, NAMED).join(", ")}${more}`, "", true]];
  }

  // The size of a box or folded block; `measure(text, size, bold)` gives the width of words.
  function size(item, measure) {
    const lines = rows(item);
    const widths = lines.map(([left, right, small]) => {
      const font = small ? 10 : 12;
      return measure(left, font, !small) + (right ? measure(right, small ? 10 : 11, false) + 14 : 0);
    });
    const height = lines.reduce((sum, line) => sum + (line[2] ? SMALL : ROW), 0);
    return { width: Math.max(44, ...widths) + 20, height: height + 6 };
  }

  // What stands in a box: lines of words at the left, at the right, and whether they are small.
  function rows(item) {
    if (item.kind === "block") {
      const [number, of] = item.copy ?? [0, 1];
      const times = item.copies > 1 ? `×${item.copies}` : of > 1 ? `${number} of ${of}` : "";
      const lines = [[item.name || item.call || "group", times, false]];
      if (item.name && item.call) lines.push([item.call, "", true]);
      if (item.note) lines.push([item.note, "", true]);
      return [...lines, ...read(item)];
    }
    const [first, ...rest] = item.rows;
    const lines = [[`${first[0]} ${first[1]}`.trim(), first[3], false]];
    for (const row of rest) lines.push([`${row[0]} ${row[1]}`.trim(), row[3], true]);
    if (item.note) lines.push([item.note, "", true]);
    return [...lines, ...read(item)];
  }

  // The picture: a list of boxes, of blocks (outer ones first) and of edges, in one system of coordinates.
  function layout(tree, open, direction, measure) {
    const flow = flows(tree, open);
    const inner = new Map(); // by open block, its items with places relative to it
    let left = 0; // how many edges are not drawn
    const place = (block) => {
      const sizes = new Map();
      const all = flow.get(block.id) ?? [];
      const edges = thinned(block, all);
      left += all.length - edges.length;
      for (const item of block.items) {
        if (item.items && open.has(item.id)) {
          const placed = place(item);
          sizes.set(item.id, { width: placed.width, height: placed.height });
        } else {
          sizes.set(item.id, size(item, measure));
        }
      }
      const placed = arranged(block, sizes, edges, direction, measure);
      inner.set(block.id, placed);
      return placed;
    };
    const whole = place(tree.root);
    const picture = { width: whole.width, height: whole.height, boxes: [], blocks: [], edges: [], left };
    const ports = new Map(); // the place of each port in the picture
    const put = (block, x, y) => {
      const placed = inner.get(block.id);
      for (const [id, at] of placed.ports) ports.set(`${block.id} ${id}`, { x: x + at.x, y: y + at.y });
      for (const item of block.items) {
        const at = placed.items.get(item.id);
        const found = { item, x: x + at.x, y: y + at.y, width: at.width, height: at.height };
        if (item.items && open.has(item.id)) {
          picture.blocks.push(found);
          put(item, found.x, found.y);
        } else {
          picture.boxes.push(found);
        }
      }
      for (const edge of placed.edges) {
        const points = edge.points.map((point) => ({ x: x + point.x, y: y + point.y }));
        const port = (id, name) => ports.get(`${id} ${name} ${edge.from}`);
        const start = port(edge.source, "out");
        const end = port(edge.target, "in");
        if (start) points[0] = start;
        if (end) points.splice(-1, 1, along(end, points[points.length - 1], direction), end);
        const label = edge.label && { ...edge.label, x: x + edge.label.x, y: y + edge.label.y };
        picture.edges.push({ ...edge, points, label, arrow: !end && !edge.target.startsWith("out ") });
      }
    };
    put(tree.root, 0, 0);
    return picture;
  }

  // Where an edge meets a block on the way to a port in it.
  function along(port, point, direction) {
    return direction === "TB" ? { x: port.x, y: point.y } : { x: point.x, y: port.y };
  }

  // One block's items by dagre. Ports stand at its head and foot, which two further nodes hold in place.
  function arranged(block, sizes, edges, direction, measure) {
    const graph = new dagre.graphlib.Graph({ multigraph: true });
    const widest = Math.max(0, ...edges.map((edge) => measure(edge.shape, 10, false)));
    const ranksep = direction === "TB" ? 34 : Math.max(34, widest + 16);
    graph.setGraph({ rankdir: direction, nodesep: 30, ranksep, edgesep: 18, marginx: 0, marginy: 0 });
    for (const [id, { width, height }] of sizes) graph.setNode(id, { width, height });
    const ports = new Set();
    for (const { source, target } of edges) {
      for (const end of [source, target]) if (!sizes.has(end)) ports.add(end);
    }
    for (const port of ports) graph.setNode(port, { width: 8, height: 1 });
    for (const [kind, id] of [["in ", "the head"], ["out ", "the foot"]]) {
      const held = [...ports].filter((port) => port.startsWith(kind));
      if (held.length < 2) continue;
      graph.setNode(id, { width: 1, height: 1 });
      for (const port of held) graph.setEdge(...(kind === "in " ? [id, port] : [port, id]), { weight: 50, minlen: 1 }, "hold");
    }
    edges.forEach((edge, number) => {
      graph.setEdge(edge.source, edge.target, { weight: edge.shape ? 3 : 2, minlen: 1 }, String(number));
    });
    dagre.layout(graph);
    mirrored(block, graph, direction);
    return framed(block, sizes, edges, graph, ports, direction, measure);
  }

  // Turns the picture over where that puts more branches into the order of the program.
  function mirrored(block, graph, direction) {
    const [along, across] = direction === "TB" ? ["y", "x"] : ["x", "y"];
    const levels = new Map();
    for (const { id } of block.items) {
      const at = graph.node(id);
      const level = Math.round(at[along]);
      levels.set(level, [...(levels.get(level) ?? []), at[across]]);
    }
    let order = 0;
    for (const places of levels.values()) {
      for (let at = 1; at < places.length; at++) order += Math.sign(places[at] - places[at - 1]);
    }
    if (order >= 0) return;
    for (const id of graph.nodes()) graph.node(id)[across] *= -1;
    for (const edge of graph.edges()) for (const point of graph.edge(edge).points) point[across] *= -1;
  }

  // The width of an open block's title.
  function titled(block, measure) {
    const words = rows(block).map(([left, right, small]) => measure(`${left} ${right}`, small ? 10 : 12, !small) + 8);
    return words.reduce((sum, width) => sum + width, 34);
  }

  // What dagre gives, moved to the upper left corner of the block, below its title, and in the middle of its width.
  function framed(block, sizes, edges, graph, ports, direction, measure) {
    const items = new Map();
    for (const [id, size] of sizes) {
      const { x, y } = graph.node(id);
      items.set(id, { x: x - size.width / 2, y: y - size.height / 2, ...size });
    }
    const drawn = edges.map((edge, number) => {
      const { points } = graph.edge(edge.source, edge.target, String(number));
      return { ...edge, points: points.map(({ x, y }) => ({ x, y })), label: null };
    });
    docked(drawn, items, direction);
    labelled(drawn, items, direction, measure);
    const extent = extended(items, drawn, sizes, direction);
    const [margin, title, least] = block.parent ? [MARGIN, TITLE, titled(block, measure)] : [0, 0, 0];
    const wide = extent.right - extent.left + 2 * margin;
    const width = Math.max(wide, least);
    const height = extent.bottom - extent.top + 2 * margin + title;
    const move = { x: margin - extent.left + (width - wide) / 2, y: margin + title - extent.top };
    const shift = (point) => {
      point.x += move.x;
      point.y += move.y;
    };
    for (const item of items.values()) shift(item);
    const places = new Map();
    for (const port of ports) {
      const at = { ...graph.node(port) };
      shift(at);
      const incoming = port.startsWith("in ");
      if (direction === "TB") places.set(port, { x: at.x, y: incoming ? TITLE : height });
      else places.set(port, { x: incoming ? 0 : width, y: at.y });
    }
    for (const edge of drawn) {
      edge.points.forEach(shift);
      if (edge.label) shift(edge.label);
      if (places.has(edge.source)) edge.points[0] = places.get(edge.source);
      if (places.has(edge.target)) edge.points[edge.points.length - 1] = places.get(edge.target);
    }
    return { width, height, items, ports: places, edges: drawn };
  }

  // The room that items, edges and labels take.
  function extended(items, edges, sizes, direction) {
    const extent = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
    const cover = (x, y, width = 0, height = 0) => {
      extent.left = Math.min(extent.left, x);
      extent.top = Math.min(extent.top, y);
      extent.right = Math.max(extent.right, x + width);
      extent.bottom = Math.max(extent.bottom, y + height);
    };
    for (const { x, y, width, height } of items.values()) cover(x, y, width, height);
    for (const { source, target, points, label } of edges) {
      const inside = points.slice(sizes.has(source) ? 0 : 1, sizes.has(target) ? undefined : -1);
      for (const { x, y } of inside) direction === "TB" ? cover(x, extent.top) : cover(extent.left, y);
      if (label) cover(label.x, label.y, label.width, label.height);
    }
    return extent;
  }

  // Lets edges leave a box at the middle of its foot, and come in side by side at its head.
  function docked(edges, items, direction) {
    const sideways = direction === "LR";
    const [along, across, length, breadth] = sideways ? ["x", "y", "width", "height"] : ["y", "x", "height", "width"];
    const incoming = new Map();
    for (const edge of edges) {
      const source = items.get(edge.source);
      if (source) edge.points[0] = { [across]: source[across] + source[breadth] / 2, [along]: source[along] + source[length] };
      if (items.has(edge.target)) incoming.set(edge.target, [...(incoming.get(edge.target) ?? []), edge]);
    }
    for (const [id, some] of incoming) {
      const target = items.get(id);
      const from = ({ points }) => points[points.length - 2][across];
      some.sort((a, b) => from(a) - from(b));
      const step = Math.min(14, (0.7 * target[breadth]) / some.length);
      some.forEach(({ points }, number) => {
        const middle = target[across] + target[breadth] / 2 + (number - (some.length - 1) / 2) * step;
        points[points.length - 1] = { [across]: middle, [along]: target[along] };
      });
    }
  }

  // Says the shape once for all edges of a box, at the foot of the straightest: on the side that it
  // turns away from, where nothing else stands there.
  function labelled(edges, items, direction, measure) {
    const across = direction === "TB" ? "x" : "y";
    const turn = ({ points }) => points[points.length - 1][across] - points[0][across];
    const straightest = new Map();
    for (const edge of edges.filter((one) => one.shape)) {
      const key = JSON.stringify([edge.source, edge.shape]);
      const best = straightest.get(key);
      if (!best || Math.abs(turn(edge)) < Math.abs(turn(best))) straightest.set(key, edge);
    }
    const taken = [...items.values()];
    const free = (one) => !taken.some((other) => one.x < other.x + other.width && other.x < one.x + one.width
      && one.y < other.y + other.height && other.y < one.y + one.height);
    for (const edge of straightest.values()) {
      const size = { width: measure(edge.shape, 10, false), height: 11 };
      const [{ x, y }] = edge.points;
      const [left, right] = [x - 5 - size.width, x + 5];
      const places =
        direction === "TB"
          ? [[right, y + 5], [left, y + 5], [right, y + 16], [left, y + 16], [right, y + 27], [left, y + 27]]
          : [[right, y + 4], [right, y - 14], [right, y + 15], [right, y - 25]];
      if (turn(edge) > 1) [places[0], places[1]] = [places[1], places[0]];
      const tried = places.map(([x, y]) => ({ text: edge.shape, x, y, ...size }));
      edge.label = tried.find(free) ?? tried[0];
      taken.push(edge.label);
    }
  }

  return { index, around, boxes, opened, layout, rows, TITLE, ROW, SMALL };
})();

if (typeof module !== "undefined") module.exports = Layout;
