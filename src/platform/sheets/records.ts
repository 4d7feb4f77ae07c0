import { RuleBroken } from "../errors.ts";
import { LONGEST_CELL, MOST_COLUMNS } from "./source.ts";

const [QUOTE, BREAK] = [0x22, 0x0a];
/** A line that fills every cell there may be, each of its quotes doubled. */
const LONGEST_RECORD = MOST_COLUMNS * (LONGEST_CELL + 10);

/** Line ends of any kind, mixed too, as one sign: lines are counted as a text editor does [IMP-7]. */
export async function* withOneLineEnd(texts: AsyncIterable<string>): AsyncGenerator<string> {
  let held = "";
  for await (const text of texts) {
    const whole = held + text;
    // Its line feed may be in the next piece.
    held = whole.endsWith("\r") ? "\r" : "";
    yield (held ? whole.slice(0, -1) : whole).replace(/\r\n?/g, "\n");
  }
  if (held) yield "\n";
}

type State = "start" | "plain" | "quoted" | "closed";

/**
 * Cuts a text where its records end, quotes being respected, so that whole records go to the parser, a piece of file at
 * a time. Throws RuleBroken for a quote nobody closes, naming the line where it opens, and for a line without end [IMP-7].
 */
export class RecordCutter {
  #text = "";
  #at = 0;
  #state: State = "start";
  #openedOn = 0;
  #spansLines = false;
  #line: number;
  readonly #delimiter: number;

  constructor(delimiter: string, line = 1) {
    this.#delimiter = delimiter.charCodeAt(0);
    this.#line = line;
  }

  /** All the records that are whole by now, with their last line end. */
  add(text: string): string {
    this.#text += text;
    const cut = this.#scan();
    const whole = this.#text.slice(0, cut);
    this.#text = this.#text.slice(cut);
    this.#at -= cut;
    if (this.#text.length > LONGEST_RECORD) throw this.#state === "quoted" ? this.#unclosed() : tooLong(this.#line);
    return whole;
  }

  /** The last record, which no line end may follow. */
  end(): string {
    if (this.#state === "quoted") throw this.#unclosed();
    return this.#text;
  }

  #scan(): number {
    const text = this.#text;
    const delimiter = this.#delimiter;
    let [at, state, cut] = [this.#at, this.#state, 0];
    for (; at < text.length; at++) {
      const sign = text.charCodeAt(at);
      if (state === "quoted") {
        if (sign === QUOTE) state = "closed";
        else if (sign === BREAK) {
          this.#line++;
          this.#spansLines = true;
        }
        continue;
      }
      if (sign === BREAK) {
        this.#line++;
        cut = at + 1;
        state = "start";
      } else if (sign === delimiter) state = "start";
      else if (state === "start" && sign === QUOTE) {
        state = "quoted";
        this.#openedOn = this.#line;
        this.#spansLines = false;
      } else if (state === "closed" && sign === QUOTE) state = "quoted";
      else if (state === "closed") {
        // It ran over lines up to a quote that opens another cell: nobody closed it.
        if (this.#spansLines) throw this.#unclosed();
        state = "plain";
      } else state = "plain";
    }
    this.#at = at;
    this.#state = state;
    return cut;
  }

  #unclosed(): RuleBroken {
    return new RuleBroken(
      `Un guillemet s’ouvre à la ligne ${this.#openedOn} et n’est pas fermé. Fermez-le ou retirez-le, puis envoyez de nouveau le fichier.`,
    );
  }
}

const tooLong = (line: number) =>
  new RuleBroken(
    `La ligne ${line} est trop longue pour une ligne de tableau. Vérifiez que le fichier a bien une ligne par enregistrement.`,
  );
