/** Lines a template shows, which nobody has to remove before sending it back [IMP-44]. */

const MARK = "«\u00a0exemple\u00a0»";
const MARKED = /^«\s*exemple\s*»/i;
const OPENING = 0xab;

/** What the first cell of a sample line says. */
export const sampleCell = (text: string): string => `${MARK} ${text}`.trimEnd();

/** Whether one cell of this line says it is a sample: whoever writes over it has a line of their own. */
export function isSample(cells: readonly string[]): boolean {
  for (let place = 0; place < cells.length; place++) {
    const cell = cells[place]!;
    if (cell.charCodeAt(0) === OPENING && MARKED.test(cell)) return true;
  }
  return false;
}
