/** The rows of tests/e2e/indexes.test.ts for the tutor: its conversations, and what it says of words and stories. */
import type { Row, World } from "./indexes.operations.ts";

const HOLDER = "/chat/conversations";

/** A conversation of the student with a message, or without. */
async function opened({ ask, student }: World, message?: string): Promise<{ conversationId: string }> {
  const body = { category: "grammar", level: "beginner", title: "Tenses" };
  const { conversation } = (await ask("POST", HOLDER, { as: student, body })).body;
  const ids = { conversationId: conversation.id as string };
  if (message !== undefined) {
    await ask("POST", `${HOLDER}/{conversationId}/messages`, { as: student, ids, body: { message } });
  }
  return ids;
}

export const chat: Record<string, Row> = {
  "POST /chat/conversations": async (send, { student }) => {
    for (const body of [{}, { category: "grammar", level: "beginner", title: "Tenses" }]) {
      await send({ as: student, body });
    }
  },
  "GET /chat/conversations": async (send, world) => {
    await opened(world);
    for (const query of ["", "status=active", "status=completed", "status=archived", "limit=5"]) {
      await send({ as: world.student, query: `?${query}` });
    }
  },
  "GET /chat/conversations/{conversationId}": async (send, world) =>
    send({ as: world.student, ids: await opened(world, "What is a gerund?") }),
  "PUT /chat/conversations/{conversationId}": async (send, world) => {
    const ids = await opened(world);
    const settings = { includeExercises: false, includeGameRecommendations: true, language: "en" };
    for (const body of [{ title: "Gerunds", settings }, { status: "archived" }]) {
      await send({ as: world.student, ids, body });
    }
  },
  "DELETE /chat/conversations/{conversationId}": async (send, world) =>
    send({ as: world.student, ids: await opened(world, "What is a gerund?") }),
  "POST /chat/conversations/{conversationId}/messages": async (send, world) => {
    const ids = await opened(world, "What is a gerund?");
    const body = { message: "And a participle?", category: "vocabulary", level: "advanced" };
    await send({ as: world.student, ids, body });
  },
  "GET /chat/admin/usage": async (send, { admin }) => send({ as: admin, query: "?days=7" }),
  "GET /chat/stats": async (send, world) => {
    await opened(world, "What is a gerund?");
    await send({ as: world.student });
    // One who never asked anything.
    await send({ as: await world.fresh() });
  },
  "GET /chat/suggestions": (send, { student }) => send({ as: student }),
  "GET /chat/health": (send, { student }) => send({ as: student }),
};

const ROUND = { difficulty: "hard", gameId: "0".repeat(23) + "1", sessionId: "0".repeat(23) + "2" };
const STORY = "Once upon a time there was a small green frog that wanted to learn a foreign language.";

/** Posts a form as the student. */
async function postForm({ student, base }: World, path: string, parts: Record<string, string | Blob>) {
  const form = new FormData();
  for (const [name, value] of Object.entries(parts)) {
    if (typeof value === "string") form.set(name, value);
    else form.set(name, value, "file");
  }
  const headers = { authorization: `Bearer ${student.token}` };
  const answer = await fetch(base + path, { method: "POST", headers, body: form });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as { data: Record<string, string> };
}

const speak = async (world: World) => {
  const audio = new Blob(["RIFF\x24\0\0\0WAVEfmt "]);
  const path = "/api/evaluation/pronunciation/audio";
  const { data } = await postForm(world, path, { audio, targetWord: "three" });
  return { id: data["audioId"]! };
};
const show = async (world: World) => {
  const file = new Blob(["GIF89a"]);
  return { id: (await postForm(world, "/api/media", { file, purpose: "profile" })).data["id"]! };
};

export const media: Record<string, Row> = {
  "GET /audio/{id}": async (send, world) => send({ as: world.student, ids: await speak(world) }),
  "DELETE /audio/{id}": async (send, world) => send({ as: world.student, ids: await speak(world) }),
  "POST /media": async (_, world) => void (await show(world)),
  "GET /media/{id}": async (send, world) => send({ ids: await show(world) }),
};

export const evaluation: Record<string, Row> = {
  "POST /evaluation/pronunciation": async (send, { student }) => {
    for (const more of [{}, ROUND]) {
      await send({ as: student, body: { targetWord: "three", transcription: "tree", ...more } });
    }
  },
  "POST /evaluation/pronunciation/audio": async (_, world) => void (await speak(world)),
  "POST /evaluation/story": async (send, { student }) => {
    const more = { keywords: ["frog"], minWords: 5, timeSpent: 60, maxTime: 300, ...ROUND };
    for (const fields of [{}, more]) {
      await send({ as: student, body: { story: STORY, prompt: "A frog", ...fields } });
    }
  },
  "GET /evaluation/history": async (send, { student }) => {
    for (const query of ["", "type=storytelling", "type=pronunciation", "limit=5&offset=5"]) {
      await send({ as: student, query: `?${query}` });
    }
  },
  "GET /evaluation/stats": async (send, { student }) => {
    for (const query of ["", "timeframe=30d"]) await send({ as: student, query: `?${query}` });
  },
};
