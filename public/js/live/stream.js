// @ts-check
// The stream of a page: what changed, since the last number heard; without it, the page asks every thirty seconds (LIV-2).

const SILENCE_MS = 40_000;
const POLL_MS = 30_000;

export class LiveStream {
  /** @type {EventSource | undefined} */ source;
  last = "";

  /** @param {{ src: string, since: string, isResting: () => boolean, changed: (topics: Set<string> | null) => void }} page */
  constructor(page) {
    this.page = page;
  }

  rest() {
    this.source?.close();
    clearTimeout(this.silence);
    clearTimeout(this.again);
  }

  /** Opens the stream, and asks in its place once nothing has come for that long. */
  follow(patience = SILENCE_MS) {
    this.rest();
    if (this.page.isResting() || document.hidden) return;
    const address = new URL(this.page.src, location.href);
    if (this.last) address.searchParams.set("dernier", this.last);
    else address.searchParams.set("depuis", this.page.since);
    const source = new EventSource(address);
    this.source = source;
    const listen = (/** @type {number} */ ms) => {
      clearTimeout(this.silence);
      this.silence = setTimeout(() => this.poll(), ms);
    };
    const heard = () => listen(SILENCE_MS);
    listen(patience);
    source.addEventListener("open", heard);
    source.addEventListener("beat", heard);
    source.addEventListener("message", ({ data, lastEventId }) => {
      heard();
      this.last = lastEventId;
      this.page.changed(new Set(JSON.parse(data).topics));
    });
    // Refused for good (a sixth stream, a server that stops): the browser will not try again by itself.
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) this.wait();
    });
  }

  wait() {
    this.rest();
    this.again = setTimeout(() => this.poll(), POLL_MS);
  }

  /** Without a stream everything is asked, by version; then the stream is tried again. */
  poll() {
    this.page.changed(null);
    this.follow(POLL_MS);
  }
}
