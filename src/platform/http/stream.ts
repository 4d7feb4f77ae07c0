import type { Request, RequestHandler, Response } from "express";
import { z } from "zod";
import { Forbidden, NotFound } from "../errors.ts";
import type { Follower, Hub } from "../live/hub.ts";
import { concerns, type LiveTopic, type News } from "../live/news.ts";
import type { Registry } from "../registry.ts";
import { query } from "./forms.ts";
import { hashOf, leaveUntouched } from "./sessions.ts";
import type { Guards } from "./types.ts";

const MOST_STREAMS = 5;
/** Bursts are one repaint a second (LIV-5). */
const GAP_MS = 1_000;
const RETRY_MS = 2_000;
/** What a client that does not read may leave waiting here. */
const MOST_WAITING = 64 * 1024;

export interface Live {
  hub?: Hub;
  guards: Guards;
}

const Followed = z.object({
  /** Words of `Module.live`, separated by dots, each with the id of its object if it has one: "notifications.campagne:…". */
  sujets: z.string().max(200).optional(),
  /** When the page was drawn: what was sealed since is told at once. */
  depuis: z.iso.datetime().optional(),
  /** The last event known, for a stream opened anew by the page. */
  dernier: z
    .string()
    .regex(/^\d{1,15}$/)
    .optional(),
});

/**
 * The stream of one page (LIV-1…6): says what changed, by topics and numbers, and the page asks for its fragments with
 * the rights it has then. The sixth stream of a person is answered 204, and the page polls. No transaction stays open.
 */
export const follow: RequestHandler = async (req, res) => {
  const { hub, guards } = req.app.locals.live as Live;
  const { sujets = "", depuis, dernier } = query(req, Followed);
  leaveUntouched(req);
  const words = sujets.split(".").filter(Boolean);
  const topics = followed(req, guards, words);
  const objects = await objectsAmong(req, words);
  if (isOver(res)) return;
  if (!hub || hub.stopped || hub.countOf(req.user!.id) >= MOST_STREAMS) return void res.status(204).end();

  const stream = openStream(req, res, {
    ...{ words: topics, objects, hub },
    may: (user) => words.every((word) => may(req, guards, word, user)),
  });
  res.setHeader("Content-Type", "text/event-stream; charset=utf-8");
  // nginx would keep events until its buffer is full.
  res.setHeader("X-Accel-Buffering", "no");
  if (words.length === 0 || req.method === "HEAD") return stream.close();
  await hub.join(stream);
  if (isOver(res)) return;
  res.write(`retry: ${RETRY_MS}\n\n`);

  const last = req.headers["last-event-id"] ?? dernier;
  const from =
    typeof last === "string" && /^\d{1,15}$/.test(last)
      ? { sequence: Number(last) }
      : depuis
        ? { at: new Date(depuis) }
        : null;
  const news = from && (await hub.missed(req.user!.tenantId, from));
  if (news && concerns(stream.topics, news.topics)) stream.tell(news);
};

/** Whoever left while the base was answering is told nothing and followed by nobody: "close" is said once. */
const isOver = (res: Response) => res.closed || res.writableEnded;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A word has the id of an object when its topic is of one, and only then. */
function topicOf(req: Request, word: string): LiveTopic {
  const [name = "", id] = word.split(/:(.*)/s);
  const topic = (req.app.locals.registry as Registry).live.get(name);
  if (!topic || (topic.open ? !UUID.test(id ?? "") : id !== undefined)) throw new NotFound();
  return topic;
}

/** The objects of these words, each open to this person at this moment. */
async function objectsAmong(req: Request, words: string[]): Promise<Follower["objects"]> {
  const objects = words.flatMap((one) => {
    const [word = "", id] = one.split(":");
    return id === undefined ? [] : [{ word, id }];
  });
  for (const { word, id } of objects) {
    const [isOpen] = await topicOf(req, `${word}:${id}`).open!(req.db, [{ user: req.user!, id }]);
    if (!isOpen) throw new NotFound();
  }
  return objects;
}

function may(req: Request, guards: Guards, word: string, user: Express.User): boolean {
  const { right } = topicOf(req, word);
  return right === "signed-in" || guards.may(user, right);
}

/** The hub's topics, each with the word its page knows it by. */
function followed(req: Request, guards: Guards, words: string[]): Map<string, string> {
  const user = req.user!;
  return new Map(
    words.map((word) => {
      const topic = topicOf(req, word);
      if (!may(req, guards, word, user)) throw new Forbidden(guards.explain(user, topic.right));
      return [topic.of?.(user) ?? word, word];
    }),
  );
}

function openStream(
  req: Request,
  res: Response,
  {
    words,
    objects,
    hub,
    may,
  }: { words: Map<string, string>; objects: Follower["objects"]; hub: Hub; may(user: Express.User): boolean },
): Follower {
  const user = req.user!;
  const topics = new Set(words.keys());
  let waiting: { sequence: number; topics: Set<string> } | undefined;
  let pause: NodeJS.Timeout | undefined;

  const write = (text: string) => {
    if (isOver(res)) return;
    // Ended, it would still wait to be read.
    if (res.writableLength > MOST_WAITING) res.destroy();
    else res.write(text);
  };
  const send = () => {
    if (!waiting) {
      pause = undefined;
      return;
    }
    const data = { topics: [...waiting.topics].map((topic) => words.get(topic)), version: waiting.sequence };
    write(`id: ${waiting.sequence}\ndata: ${JSON.stringify(data)}\n\n`);
    waiting = undefined;
    pause = setTimeout(send, GAP_MS);
    pause.unref();
  };
  const stream: Follower = {
    tenantId: user.tenantId,
    userId: user.id,
    tokenHash: hashOf(req.sessionID),
    topics,
    tell({ sequence, topics: told }: News) {
      // Only what this person follows: who else was concerned is not theirs to know.
      const theirs = told.has("*") ? topics : topics.intersection(told);
      waiting = {
        sequence: Math.max(sequence, waiting?.sequence ?? 0),
        topics: theirs.union(waiting?.topics ?? new Set()),
      };
      if (!pause) send();
    },
    // A comment keeps relays from closing; scripts only see events, so it is one too.
    beat: () => write(": \nevent: beat\ndata:\n\n"),
    objects,
    asNow(now) {
      const present = now?.id === user.id ? { ...user, ...now } : undefined;
      return present && may(present) ? present : undefined;
    },
    close() {
      leave();
      res.end();
    },
  };
  const leave = () => {
    clearTimeout(pause);
    hub.leave(stream);
  };
  res.once("close", leave);
  return stream;
}
