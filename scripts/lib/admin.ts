/** Makes sure that an administrator exists. */
import { hash } from "bcryptjs";
import { type DataApi } from "./database.ts";

/** Calls one action of the Data API. */
export async function call(api: DataApi, action: string, body: object): Promise<Record<string, unknown>> {
  const response = await fetch(`${api.url}/action/${action}`, {
    method: "POST",
    headers: { apiKey: api.key, "content-type": "application/ejson", accept: "application/json" },
    body: JSON.stringify({ dataSource: "local", database: api.database, ...body }),
  });
  const answer = (await response.json()) as Record<string, unknown>;
  if (!response.ok) throw new Error(`${action}: ${String(answer["error"])}`);
  return answer;
}

/** Creates the administrator if there is no account with the address; an existing account is left as it is. */
export async function createAdmin(api: DataApi, email: string, password: string): Promise<void> {
  const now = { $date: new Date().toISOString() };
  const region = await call(api, "findOne", { collection: "regions", filter: { code: "DEF" } });
  const existing = (region["document"] as { _id: string } | null)?._id;
  const regionId =
    existing ??
    (
      await call(api, "insertOne", {
        collection: "regions",
        document: {
          name: "Default",
          code: "DEF",
          isActive: true,
          totalUsers: 0,
          totalStudents: 0,
          totalTeachers: 0,
          averageScore: 0,
          createdAt: now,
          updatedAt: now,
          __v: 0,
        },
      })
    )["insertedId"];
  await call(api, "updateOne", {
    collection: "users",
    filter: { email: email.trim().toLowerCase() },
    update: {
      $setOnInsert: {
        name: "Administrator",
        phone: "0000000000",
        password: await hash(password, 12),
        role: "admin",
        isActive: true,
        isEmailVerified: true,
        isPhoneVerified: false,
        profilePicture: null,
        region: { $oid: regionId },
        adminInfo: {
          permissions: [
            "manage_users",
            "manage_content",
            "manage_plans",
            "view_analytics",
            "manage_teachers",
          ],
        },
        lastActive: now,
        createdAt: now,
        updatedAt: now,
        __v: 0,
      },
    },
    upsert: true,
  });
}
