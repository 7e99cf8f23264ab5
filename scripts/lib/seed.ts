/** scripts/seed: demo data that can be written again and again. */
import { createHash } from "node:crypto";
import { parseArgs } from "node:util";
import { hash } from "bcryptjs";
import { type AnyBulkWriteOperation, type Db, type Document, MongoClient, ObjectId } from "mongodb";
import { databaseOf } from "./database.ts";
import { GAMES, LECTURES, NAMES, REGIONS } from "./demo.ts";

export const DEMO_PASSWORD = "aarambh-demo";
export const ACCOUNTS = [
  "admin@demo.aarambh",
  "teacher@demo.aarambh",
  "learner1@demo.aarambh",
  "learner2@demo.aarambh",
].map((name) => `${name}.example`);
const EPOCH = new Date("2026-01-01T00:00:00Z");
const YEAR_MS = 365 * 24 * 3_600_000;
const MOST_LEARNERS = 5000;

/** The same name always gives the same id, so that a second run writes the same documents. */
const id = (name: string): ObjectId =>
  new ObjectId(createHash("sha256").update(`demo:${name}`).digest("hex").slice(0, 24));

/** Writes the demo data; documents that exist keep whatever was changed in them. */
export async function seed(uri: string, learners: number, report: (line: string) => void): Promise<void> {
  const client = await MongoClient.connect(uri);
  try {
    const db = client.db(databaseOf(uri));
    const password = await hash(DEMO_PASSWORD, 12);
    await put(db, "regions", regions(), report);
    await put(db, "features", features(), report);
    await put(db, "plans", plans(), report);
    await put(db, "games", games(), report);
    await put(db, "videolectures", lectures(), report);
    await put(db, "users", [...staff(password), ...students(learners, password)], report);
    await put(db, "referrals", referrals(), report);
  } finally {
    await client.close();
  }
}

async function put(
  db: Db,
  collection: string,
  documents: Document[],
  report: (line: string) => void,
): Promise<void> {
  const batch = 500;
  let added = 0;
  for (let from = 0; from < documents.length; from += batch) {
    const writes: AnyBulkWriteOperation[] = documents.slice(from, from + batch).map(({ _id, ...fields }) => ({
      updateOne: { filter: { _id }, update: { $setOnInsert: fields }, upsert: true },
    }));
    added += (await db.collection(collection).bulkWrite(writes, { ordered: false })).upsertedCount;
    report(`${collection}: ${Math.min(from + batch, documents.length)}/${documents.length}, ${added} new`);
  }
}

const stamps = { createdAt: EPOCH, updatedAt: EPOCH, __v: 0 };

function regions(): Document[] {
  return REGIONS.map(([code, name]) => ({
    _id: id(`region ${code}`),
    name,
    code,
    description: `Learners from ${name}`,
    isActive: true,
    totalUsers: 0,
    totalStudents: 0,
    totalTeachers: 0,
    averageScore: 0,
    ...stamps,
  }));
}

function features(): Document[] {
  const keys: [string, string, string, boolean][] = [
    ["games", "Games", "games", false],
    ["group_calls", "Group calls", "communication", false],
    ["voice_calls", "Voice calls", "communication", false],
    ["video_calls", "Video calls", "communication", true],
  ];
  return keys.map(([key, name, category, isPaid], order) => ({
    _id: id(`feature ${key}`),
    key,
    name,
    category,
    isPaid,
    isActive: true,
    icon: "star",
    color: "#226cae",
    order,
    requiredPlan: isPaid ? "basic" : "free",
    freeLimit: -1,
    freeLimitType: "per_day",
    canToggle: true,
    dependencies: [],
    showInMenu: true,
    requiresAuth: true,
    usageCount: 0,
    lastModifiedAt: EPOCH,
    ...stamps,
  }));
}

function plans(): Document[] {
  const offers: [string, number, number, string, boolean][] = [
    ["Weekly", 49, 1, "weeks", false],
    ["Monthly", 149, 1, "months", true],
    ["Yearly", 1199, 1, "years", false],
  ];
  return offers.map(([name, price, duration, durationType, isPopular], priority) => ({
    _id: id(`plan ${name}`),
    name,
    description: `${name} access to everything`,
    price,
    duration,
    durationType,
    features: [{ _id: id(`plan ${name} calls`), name: "Video calls", isIncluded: true }],
    isActive: true,
    isPopular,
    maxSessions: -1,
    maxGames: -1,
    maxLectures: -1,
    includesVideoCalls: true,
    includesVoiceCalls: true,
    includesGroupCalls: true,
    includesChat: true,
    includesGames: true,
    includesLectures: true,
    priority,
    ...stamps,
  }));
}

function games(): Document[] {
  return GAMES.map((game, n) => ({
    _id: id(`game ${n}`),
    description: game.title,
    level: 1,
    difficulty: "easy",
    totalQuestions: game.questions.length,
    maxScore: game.questions.length * 10,
    passingScore: 60,
    timeLimit: 300,
    isActive: true,
    isPremium: false,
    createdBy: id("admin"),
    totalPlays: 0,
    averageScore: 0,
    completionRate: 0,
    ...stamps,
    ...game,
    questions: game.questions.map((question, at) => ({
      _id: id(`game ${n} question ${at}`),
      questionNumber: at + 1,
      points: 10,
      negativePoints: 0,
      timeLimit: 30,
      options: [],
      ...question,
    })),
  }));
}

function lectures(): Document[] {
  return LECTURES.map(([title, category, duration], n) => ({
    _id: id(`lecture ${n}`),
    title,
    description: `${title}, explained with examples from daily life.`,
    videoUrl: `https://videos.aarambh.example/${n + 1}.mp4`,
    thumbnailUrl: `https://videos.aarambh.example/${n + 1}.jpg`,
    duration,
    teacher: id("teacher"),
    category,
    level: "beginner",
    tags: [category],
    isActive: true,
    isPublished: true,
    totalViews: 0,
    totalWatchTime: 0,
    ...stamps,
  }));
}

function user(
  name: string,
  email: string,
  phone: string,
  role: string,
  region: ObjectId,
  password: string,
): Document {
  return {
    name,
    email,
    phone,
    password,
    profilePicture: null,
    role,
    isActive: true,
    isEmailVerified: false,
    isPhoneVerified: false,
    studentInfo: {
      learningGoals: [],
      totalSessions: 0,
      averageGameScore: 0,
      totalGamesPlayed: 0,
      totalLecturesWatched: 0,
      totalWatchTime: 0,
    },
    teacherInfo: {
      experience: role === "teacher" ? 8 : 0,
      specialization: [],
      hourlyRate: 0,
      totalStudents: 0,
      totalEarnings: 0,
      totalReferrals: 0,
      isApproved: role === "teacher",
      ...(role === "teacher" ? { referralCode: "424242" } : {}),
    },
    adminInfo: { permissions: role === "admin" ? ["manage_users", "manage_content", "manage_plans"] : [] },
    region,
    referredBy: null,
    referralDiscountApplied: false,
    sessions: [],
    transactions: [],
    gameScores: [],
    lastActive: EPOCH,
    ...stamps,
  };
}

function staff(password: string): Document[] {
  const home = id(`region ${REGIONS[0][0]}`);
  const [admin, teacher] = ACCOUNTS as [string, string];
  return [
    { _id: id("admin"), ...user("Demo Admin", admin, "9000000001", "admin", home, password) },
    { _id: id("teacher"), ...user("Demo Teacher", teacher, "9000000002", "teacher", home, password) },
  ];
}

/** The first two share a region and have a plan, so that they can be matched at once, for video too. */
function students(count: number, password: string): Document[] {
  return Array.from({ length: count }, (_, n) => {
    const [code] = REGIONS[n < 2 ? 0 : n % REGIONS.length] ?? REGIONS[0];
    const name = `${NAMES[n % NAMES.length]} ${String.fromCharCode(65 + (n % 26))}.`;
    const email = `learner${n + 1}@demo.aarambh.example`;
    const born = new Date(EPOCH.getTime() + n * 60_000);
    const fields = user(
      name,
      email,
      `91${String(n).padStart(8, "0")}`,
      "student",
      id(`region ${code}`),
      password,
    );
    const plan = { currentPlan: id("plan Yearly"), planExpiryDate: new Date(Date.now() + YEAR_MS) };
    const studentInfo = { ...fields["studentInfo"], ...(n < 2 ? plan : {}) };
    return { _id: id(`learner ${n}`), ...fields, studentInfo, createdAt: born };
  });
}

function referrals(): Document[] {
  return [
    {
      _id: id("referral"),
      teacher: id("teacher"),
      referralCode: "DEMO25",
      discountPercentage: 25,
      totalUses: 0,
      maxUses: -1,
      usedBy: [],
      isActive: true,
      isApproved: true,
      validFrom: EPOCH,
      minimumAmount: 0,
      maximumDiscount: 1000,
      totalDiscountGiven: 0,
      totalRevenue: 0,
      ...stamps,
    },
  ];
}

/** The arguments of the command line, or what is wrong with them. */
function options(): { learners: number; uri: string } {
  const { values } = parseArgs({ options: { learners: { type: "string", default: "50" } } });
  const learners = values.learners.trim() === "" ? NaN : Number(values.learners);
  if (!Number.isInteger(learners) || learners < 2 || learners > MOST_LEARNERS) {
    throw new Error(`--learners must be a whole number from 2 to ${MOST_LEARNERS}`);
  }
  const uri = process.env["MONGODB_URI"];
  if (!uri) throw new Error("MONGODB_URI is not set; scripts/dev prints the address of its database");
  if (!/^mongodb(\+srv)?:\/\/[^/]/.test(uri)) throw new Error("MONGODB_URI is not an address of a MongoDB");
  return { learners, uri };
}

/** One line instead of a stack trace. */
function fail(error: unknown, code: number): never {
  console.error(`seed: ${(error instanceof Error ? error.message : String(error)).split("\n")[0]}`);
  process.exit(code);
}

if (import.meta.main) {
  let given;
  try {
    given = options();
  } catch (error) {
    fail(error, 2);
  }
  await seed(given.uri, given.learners, (line) => console.log(line)).catch((error: unknown) =>
    fail(error, 1),
  );
}
