import dagre from "@dagrejs/dagre";
import { workflowWords } from "./changed.ts";
import { initialStatus, type Status, type Workflow } from "./workflow.ts";

/**
 * A workflow drawn on the server. Classes alone carry its colours, so that both themes and print hold; sizes are in
 * attributes, as the policy of our pages forbids styles. Its equivalent is a table, beside it.
 */

const NODE_HEIGHT = 52;
const LABEL_HEIGHT = 28;
const MARGIN = 16;
const START = "·start";

// Widths of Atkinson at the sizes of workflow.css, taken large: a text never leaves its box.
const NODE_SIGN = 9.6;
const LABEL_SIGN = 7.4;

interface Point {
  x: number;
  y: number;
}

/** Arrows that do one thing and lead to one status meet in a knot that says it once, and leave it as one. */
interface Action {
  label: string;
  to: string;
  from: string[];
  isCancel: boolean;
}

/** The drawing, as SVG safe to print raw; `icons` is the address of the sprite, `id` tells two drawings of a page apart. */
export function diagram(workflow: Workflow, { icons, id = "flux" }: { icons: string; id?: string }): string {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: "TB", nodesep: 18, edgesep: 9, ranksep: 30 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const status of workflow.statuses) {
    graph.setNode(status.code, { width: nodeWidth(status), height: NODE_HEIGHT });
  }
  const first = initialStatus(workflow);
  if (first) {
    graph.setNode(START, { width: 18, height: 18 });
    graph.setEdge(START, first.code, { weight: 4 });
  }
  const actions = actionsOf(workflow);
  for (const [rank, { label, to, from, isCancel }] of actions.entries()) {
    const knot = `·${rank}`;
    graph.setNode(knot, { width: label.length * LABEL_SIGN + 20, height: LABEL_HEIGHT });
    // What goes forward holds the drawing straight; a cancellation or a return bends around it.
    for (const one of from) graph.setEdge(one, knot, { weight: isCancel || !isForward(workflow, one, to) ? 1 : 3 });
    graph.setEdge(knot, to, { weight: isCancel ? 1 : 3 });
  }
  dagre.layout(graph);

  const [left, top, w, h] = frame(
    graph.nodes().map((node: string) => graph.node(node) as Box),
    graph.edges().flatMap((edge: { v: string; w: string }) => (graph.edge(edge) as Edge).points),
  );
  const lines = actions.flatMap(({ to, from, isCancel }, rank) => [
    ...from.map((one) => drawLine(graph.edge(one, `·${rank}`) as Edge, isCancel)),
    drawLine(graph.edge(`·${rank}`, to) as Edge, isCancel, id),
  ]);
  const knots = actions.map(({ label }, rank) => drawKnot(label, graph.node(`·${rank}`) as Box));
  const start = first ? drawStart(graph.node(START) as Point, graph.edge(START, first.code) as Edge, id) : "";
  const nodes = workflow.statuses.map((status) => drawNode(status, graph.node(status.code) as Box, icons));
  return `<svg class="workflow-svg" role="img" aria-label="${escaped(workflowWords(workflow))}. Le tableau qui suit dit la même chose." viewBox="${left} ${top} ${w} ${h}" width="${w}" height="${h}"><defs><marker id="${id}-pointe" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto-start-reverse"><path class="head" d="M0 0 10 5 0 10z"/></marker></defs>${lines.join("")}${start}${knots.join("")}${nodes.join("")}</svg>`;
}

interface Box extends Point {
  width: number;
  height: number;
}
interface Edge {
  points: Point[];
}

function actionsOf({ transitions, statuses }: Workflow): Action[] {
  const known = new Map(statuses.map((status) => [status.code, status]));
  const actions = new Map<string, Action>();
  for (const { from, to, label } of transitions) {
    if (!known.has(from) || !known.has(to)) continue;
    const action = actions.get(`${to} ${label}`) ?? {
      label,
      to,
      from: [],
      isCancel: known.get(to)!.category === "cancelled",
    };
    if (!action.from.includes(from)) action.from.push(from);
    actions.set(`${to} ${label}`, action);
  }
  return [...actions.values()];
}

/** All there is, lines that bend past the boxes too. */
function frame(boxes: Box[], points: Point[]): [left: number, top: number, width: number, height: number] {
  const xs = [...boxes.flatMap(({ x, width }) => [x - width / 2, x + width / 2]), ...points.map(({ x }) => x)];
  const ys = [...boxes.flatMap(({ y, height }) => [y - height / 2, y + height / 2]), ...points.map(({ y }) => y)];
  const [left, top] = [Math.floor(Math.min(...xs)) - MARGIN, Math.floor(Math.min(...ys)) - MARGIN];
  return [left, top, Math.ceil(Math.max(...xs)) + MARGIN - left, Math.ceil(Math.max(...ys)) + MARGIN - top];
}

const isForward = ({ statuses }: Workflow, from: string, to: string): boolean =>
  statuses.findIndex(({ code }) => code === from) < statuses.findIndex(({ code }) => code === to);

const nodeWidth = ({ label }: Status) => Math.max(130, label.length * NODE_SIGN + 68);

function drawNode({ label, tone, icon, isFinal }: Status, { x, y, width, height }: Box, icons: string): string {
  const [left, top] = [round(x - width / 2), round(y - height / 2)];
  // A second rule inside says "final" without a colour.
  const final = isFinal
    ? `<rect class="final" x="${left + 4}" y="${top + 4}" width="${width - 8}" height="${height - 8}"/>`
    : "";
  return `<g class="node tone-${tone}"><rect class="box" x="${left}" y="${top}" width="${width}" height="${height}"/>${final}<rect class="plate" x="${left + 10}" y="${top + 11}" width="30" height="30"/><use class="sign" href="${escaped(icons)}#${icon}" x="${left + 15}" y="${top + 16}" width="20" height="20"/><text x="${left + 49}" y="${top + 32}">${escaped(label)}</text></g>`;
}

function drawStart({ x, y }: Point, { points }: Edge, id: string): string {
  return `<g class="edge start"><circle cx="${round(x)}" cy="${round(y)}" r="9"/><path d="${path(points)}" marker-end="url(#${id}-pointe)"/></g>`;
}

const drawLine = ({ points }: Edge, isCancel: boolean, id?: string): string =>
  `<path class="edge${isCancel ? " cancel" : ""}" d="${path(points)}"${id ? ` marker-end="url(#${id}-pointe)"` : ""}/>`;

const drawKnot = (label: string, { x, y, width, height }: Box): string =>
  `<g class="knot"><rect x="${round(x - width / 2)}" y="${round(y - height / 2)}" width="${round(width)}" height="${height}" rx="${height / 2}"/><text x="${round(x)}" y="${round(y + 5)}">${escaped(label)}</text></g>`;

/** Through the middles of its segments, so that corners are round. */
function path(points: Point[]): string {
  const [first, ...rest] = points as [Point, ...Point[]];
  let d = `M${round(first.x)} ${round(first.y)}`;
  for (const [rank, point] of rest.entries()) {
    const next = rest[rank + 1];
    if (!next) d += `L${round(point.x)} ${round(point.y)}`;
    else d += `Q${round(point.x)} ${round(point.y)} ${round((point.x + next.x) / 2)} ${round((point.y + next.y) / 2)}`;
  }
  return d;
}

const round = (n: number) => Math.round(n * 10) / 10;
const SIGNS: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escaped = (text: string) => text.replace(/[&<>"]/g, (sign) => SIGNS[sign]!);
