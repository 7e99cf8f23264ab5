/** The features that the app cannot do without: a screen whose key is missing stays locked (contract: x-must-keep). */
import { call } from "./admin.ts";
import { type DataApi } from "./database.ts";

const NEEDED = [
  { key: "games", name: "Games", category: "games", isPaid: false },
  { key: "group_calls", name: "Group calls", category: "communication", isPaid: false },
  { key: "video_calls", name: "Video calls", category: "communication", isPaid: true },
  { key: "voice_calls", name: "Voice calls", category: "communication", isPaid: true },
];

/** Adds those that are missing; others are left as they are. */
export async function createFeatures(api: DataApi): Promise<void> {
  const now = { $date: new Date().toISOString() };
  for (const [order, { key, ...fields }] of NEEDED.entries()) {
    await call(api, "updateOne", {
      collection: "features",
      filter: { key },
      update: {
        $setOnInsert: {
          ...fields,
          isActive: true,
          icon: "star",
          color: "#226cae",
          order,
          requiredPlan: "free",
          freeLimit: -1,
          freeLimitType: "per_day",
          canToggle: true,
          showInMenu: true,
          requiresAuth: true,
          usageCount: 0,
          lastModifiedAt: now,
          createdAt: now,
          updatedAt: now,
          __v: 0,
        },
      },
      upsert: true,
    });
  }
}
