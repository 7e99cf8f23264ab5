/** What the tests of lectures share: lectures planted as the old server left them, and the shapes. */
import { type Document, ObjectId } from "mongodb";
import { expect } from "vitest";
import { type Answer, type Learner, createRegion, get, unique, withDatabase } from "../support/client.ts";
import { teacher } from "../support/people.ts";
import { withoutUndefined } from "./auth.support.ts";
import { ANY_TEXT, FLAG, NUMBER, exactly, oid, told } from "./groups.support.ts";
import { type Cast, cast } from "./games.support.ts";
import { ID, TEXT, TIME, nobody } from "./sessions.support.ts";

export const LECTURES = "/api/lectures";
export const NO_IDS = ["nope", nobody().slice(1), `${nobody()}0`, "z".repeat(24), "%24ne"];
export const at = {
  list: (query = "") => `${LECTURES}?${query}`,
  lecture: (id: string) => `${LECTURES}/${id}`,
  toggle: (id: string) => `${LECTURES}/${id}/toggle-status`,
  view: (id: string) => `${LECTURES}/${id}/view`,
  statistics: (query = "") => `${LECTURES}/admin/statistics?${query}`,
  search: `${LECTURES}/search`,
};

export const VIDEO = "https://videos.example.com/a.mp4";

/** Teachers, students, and a region for lectures that nobody else lists. */
export interface Hall extends Cast {
  other: Learner;
}

export async function hall(): Promise<Hall> {
  const people = await cast();
  return { ...people, other: await teacher({ region: oid(people.region) }) };
}

/** A lecture that the API accepts. */
export const wantedLecture = (instructor: string, fields: Document = {}): Document =>
  withoutUndefined({
    title: `Lecture ${unique()}`,
    description: "A lecture to be watched by tests",
    videoUrl: VIDEO,
    thumbnailUrl: "https://videos.example.com/a.jpg",
    duration: 100,
    instructor,
    category: "Speaking",
    notes: { pdfUrl: "https://videos.example.com/a.pdf", textContent: "Read this" },
    isPremium: false,
    isActive: true,
    tags: ["verbs"],
    difficulty: "beginner",
    ...fields,
  });

/** Puts a published lecture into the database, as the old server wrote it; undefined fields are left out. */
export async function plantLecture(fields: Document = {}): Promise<Document & { id: string }> {
  const now = new Date();
  const document = withoutUndefined({
    _id: new ObjectId(),
    title: `Lecture ${unique()}`,
    description: "A lecture to be watched by tests",
    videoUrl: VIDEO,
    duration: 100,
    category: "Speaking",
    difficulty: "beginner",
    level: 1,
    tags: [],
    keywords: [],
    instructor: new ObjectId(),
    isActive: true,
    isPremium: false,
    requiresSubscription: false,
    isPublished: true,
    publishedAt: now,
    language: "English",
    totalViews: 0,
    totalWatchTime: 0,
    averageWatchTime: 0,
    completionRate: 0,
    rating: { average: 0, totalRatings: 0 },
    resources: [],
    prerequisites: [],
    relatedLectures: [],
    createdAt: now,
    updatedAt: now,
    __v: 0,
    ...fields,
  }) as Document & { _id: ObjectId };
  await withDatabase((db) => db.collection("videolectures").insertOne({ ...document }));
  return { ...document, id: document._id.toHexString() };
}

/** A region of its own: filtering by it shows the lectures of one test alone. */
export const lonelyRegion = async (fields: Record<string, unknown> = {}) => oid(await createRegion(fields));

export const storedLecture = async (id: string): Promise<Document> =>
  (await withDatabase((db) => db.collection("videolectures").findOne({ _id: oid(id) })))!;

/** A list; what is asked for must succeed. */
export async function lectures(query: string, token?: string): Promise<Document> {
  const data = told(await get(at.list(query), { token }));
  expect(Object.keys(data).sort()).toEqual(["filters", "lectures", "pagination", "statistics"]);
  return data;
}

export const idsOf = (list: Document[]): string[] => list.map(({ _id, id }) => _id ?? id);
export const ids = async (query: string, token?: string) => idsOf((await lectures(query, token))["lectures"]);

/** Somebody by name. An address is of no use to clients: no key, or null. */
function expectPerson(person: Document): void {
  exactly(person, { _id: ID, name: TEXT }, { email: null });
}

const NOTES = { pdfUrl: ANY_TEXT, textContent: ANY_TEXT };
const SHOWN = {
  _id: ID,
  title: TEXT,
  description: TEXT,
  videoUrl: ANY_TEXT,
  duration: NUMBER,
  isPremium: FLAG,
  isActive: FLAG,
  tags: expect.any(Array),
  difficulty: expect.stringMatching(/^(beginner|intermediate|advanced)$/),
  totalViews: NUMBER,
  createdAt: TIME,
};

/** An item of a list, or with `detail` a lecture on its own. */
export function expectLecture(lecture: Document, detail?: "detail"): void {
  const { instructor, region, notes, ...rest } = lecture;
  exactly(rest, detail ? { ...SHOWN, updatedAt: TIME } : SHOWN, {
    thumbnailUrl: ANY_TEXT,
    category: ANY_TEXT,
    isPublished: FLAG,
    ...(detail ? {} : { updatedAt: TIME }),
  });
  if (instructor !== null) expectPerson(instructor);
  if (region) exactly(region, { _id: ID, name: TEXT, code: TEXT }, detail ? { description: ANY_TEXT } : {});
  if (notes !== undefined) exactly(notes, {}, NOTES);
}

/** What create and update answer: ids under `id`, no linked documents. */
export function expectSummary(lecture: Document, time: "createdAt" | "updatedAt"): void {
  const { isActive, title, description, videoUrl, duration, isPremium, tags, difficulty } = SHOWN;
  exactly(
    lecture,
    {
      ...{ isActive, title, description, videoUrl, duration, isPremium, tags, difficulty },
      id: ID,
      instructor: ID,
      [time]: TIME,
    },
    { thumbnailUrl: ANY_TEXT, category: ANY_TEXT },
  );
}

/** The form of the admin site: what has no input goes out empty. */
export const form = (instructor: string, fields: object = {}) => ({
  title: `Form ${unique()}`,
  description: "What the form says about it",
  videoUrl: VIDEO,
  thumbnailUrl: "",
  duration: 90,
  notes: { pdfUrl: "", textContent: "" },
  instructor,
  region: "",
  isPremium: false,
  isActive: true,
  tags: [],
  category: "",
  difficulty: "beginner",
  ...fields,
});

/** The lecture of an answer that must have succeeded. */
export function created(answer: Answer): Document {
  const lecture = told(answer, 201);
  expectSummary(lecture, "createdAt");
  return lecture;
}

/** Counts a view. */
export async function viewed(who: Learner, id: string, body?: object): Promise<Document> {
  const data = told(await who.post(at.view(id), body));
  expect(Object.keys(data).sort()).toEqual([
    "averageWatchTime",
    "completionRate",
    "id",
    "title",
    "totalViews",
  ]);
  return data;
}
