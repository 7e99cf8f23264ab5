/** What the local model takes, and what it says to everything else, as OpenAI's interface does. */
import type { Turn } from "./openai.answers.ts";

/** The body of POST /chat/completions. */
export interface Completion {
  model: string;
  messages: Turn[];
  temperature?: number;
  max_tokens?: number;
  presence_penalty?: number;
  frequency_penalty?: number;
  stream?: boolean;
  stream_options?: { include_usage?: boolean };
  response_format?: { type: string };
}

/** The form of POST /audio/transcriptions. */
export interface Transcription {
  fields: Record<string, string>;
  file: { name: string; bytes: Buffer };
}

/** Words of the error bodies: nobody but the log should ever see them. */
export const SECRETS = "org-4f5aSecretOrganization";

const ERRORS: Record<number, [type: string, code: string | null, message: string]> = {
  400: ["invalid_request_error", null, `The request of ${SECRETS} is invalid.`],
  401: ["invalid_request_error", "invalid_api_key", `Incorrect API key provided: sk-x****. ${SECRETS}`],
  404: ["invalid_request_error", "model_not_found", `The model does not exist or ${SECRETS} cannot use it.`],
  408: ["timeout", null, `Request of ${SECRETS} timed out.`],
  409: ["conflict", null, `Conflict in ${SECRETS}.`],
  429: ["requests", "rate_limit_exceeded", `Rate limit reached in ${SECRETS}.`],
  500: ["server_error", null, `The server had an error while processing your request for ${SECRETS}.`],
  503: ["server_error", null, `The engine of ${SECRETS} is currently overloaded.`],
};

/** An answer that is an error of the interface. */
export class Refusal extends Error {
  readonly status: number;
  readonly body: { error: { message: string; type: string; param: string | null; code: string | null } };

  constructor(status: number, text?: string, param: string | null = null) {
    const [type, code, message] = ERRORS[status]!;
    super(text ?? message);
    this.status = status;
    this.body = { error: { message: text ?? message, type, param, code } };
  }
}

const KNOWN = [
  ...["model", "messages", "temperature", "max_tokens", "presence_penalty", "frequency_penalty", "stream"],
  ...["response_format", "top_p", "n", "stop", "user", "seed", "stream_options"],
];
const FORMATS = ["flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm"];

/** The checks of POST /chat/completions. */
export function checkedCompletion(body: string): Completion {
  let wanted: Completion;
  try {
    wanted = JSON.parse(body) as Completion;
  } catch {
    throw new Refusal(400, "We could not parse the JSON body of your request.");
  }
  const insist = (ok: boolean, param: string, text: string) => {
    if (!ok) throw new Refusal(400, text, param);
  };
  const within = (value: unknown, from: number, to: number) =>
    value === undefined || (typeof value === "number" && value >= from && value <= to);
  const extra = Object.keys(wanted).filter((name) => !KNOWN.includes(name));
  insist(extra.length === 0, extra[0] ?? "", `Unrecognized request argument supplied: ${extra.join(", ")}`);
  insist(
    typeof wanted.model === "string" && wanted.model !== "",
    "model",
    "you must provide a model parameter",
  );
  insist(
    Array.isArray(wanted.messages) && wanted.messages.length > 0,
    "messages",
    "[] is too short - 'messages'",
  );
  for (const { role, content } of wanted.messages) {
    insist(["system", "user", "assistant"].includes(role), "messages", `'${role}' is not one of the roles`);
    insist(typeof content === "string", "messages", "Invalid value for 'content': expected a string.");
  }
  insist(within(wanted.temperature, 0, 2), "temperature", "temperature must be from 0 to 2");
  insist(within(wanted.presence_penalty, -2, 2), "presence_penalty", "presence_penalty must be from -2 to 2");
  insist(
    within(wanted.frequency_penalty, -2, 2),
    "frequency_penalty",
    "frequency_penalty must be from -2 to 2",
  );
  insist(Number.isInteger(wanted.max_tokens ?? 1), "max_tokens", "max_tokens must be an integer");
  insist(within(wanted.max_tokens, 1, 4096), "max_tokens", "max_tokens is too large");
  insist(
    wanted.stream === true || wanted.stream_options === undefined,
    "stream_options",
    "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
  );
  const json = wanted.response_format?.type === "json_object";
  insist(
    !json || wanted.messages.some(({ content }) => /json/i.test(content)),
    "messages",
    "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
  );
  return wanted;
}

/** The checks of POST /audio/transcriptions. */
export async function checkedTranscription(type: string, body: Buffer): Promise<Transcription> {
  const form = await new Response(body, { headers: { "content-type": type } }).formData().catch(() => {
    throw new Refusal(400, "Could not parse multipart form");
  });
  const file = form.get("file");
  if (!(file instanceof File)) throw new Refusal(400, "you must provide a file", "file");
  if (!form.has("model")) throw new Refusal(400, "you must provide a model parameter", "model");
  if (!FORMATS.includes(file.name.split(".").at(-1)!.toLowerCase())) {
    throw new Refusal(400, `Unrecognized file format. Supported formats: ${FORMATS.join(", ")}`, "file");
  }
  const fields: Record<string, string> = {};
  for (const [name, value] of form) if (typeof value === "string") fields[name] = value;
  return { fields, file: { name: file.name, bytes: Buffer.from(await file.arrayBuffer()) } };
}
