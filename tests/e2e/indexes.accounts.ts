/** The rows of tests/e2e/indexes.test.ts for people, regions, features, referral codes and the audit trail. */
import { ObjectId } from "mongodb";
import type { Answer } from "../support/client.ts";
import { PASSWORD, createRegion, unique, uniquePhone } from "../support/client.ts";
import type { Row, Send, World } from "./indexes.operations.ts";

/** Every filter alone, with each order, and all together. */
async function list(send: Send, { admin }: World, filters: string[], sorts: string[]): Promise<void> {
  const page = "page=2&limit=5";
  for (const filter of ["", ...filters, filters.join("&")])
    await send({ as: admin, query: `?${filter}&${page}` });
  for (const sort of sorts) {
    for (const order of ["asc", "desc"]) {
      await send({ as: admin, query: `?sortBy=${sort}&sortOrder=${order}&${page}` });
    }
  }
}

const key = () => `feature_${unique()}`;
const newFeature = async ({ ask, admin }: World): Promise<string> => {
  const body = { key: key(), name: "A feature", category: "games", isPaid: false };
  await ask("POST", "/features/admin/create", { as: admin, body });
  return body.key;
};
const newTeacher = ({ fresh }: World) =>
  fresh({ role: "teacher", teacherInfo: { isApproved: true, referralCode: `N${unique()}`.toUpperCase() } });
const newCode = async (world: World): Promise<string> => {
  const body = { teacher: (await newTeacher(world)).id, discountPercentage: 10 };
  const answer: Answer = await world.ask("POST", "/referrals", { as: world.admin, body });
  const { data } = answer.body;
  return (data.referral ?? data)._id;
};

export const users: Record<string, Row> = {
  "GET /users": (send, world) =>
    list(
      send,
      world,
      ["role=student", `region=${world.region}`, "status=active", "search=person"],
      ["createdAt", "name", "email", "phone", "role"],
    ),
  "POST /users": async (send, { admin, region }) => {
    for (const role of ["student", "teacher", "admin"]) {
      const email = `${unique()}@example.com`;
      await send({
        as: admin,
        body: { name: "Somebody", email, phone: uniquePhone(), password: PASSWORD, role, region },
      });
    }
  },
  "GET /users/{id}": async (send, { admin, student }) => {
    for (const as of [admin, student]) await send({ as, ids: { id: student.id } });
  },
  "PUT /users/{id}": async (send, { admin, fresh }) => {
    const somebody = await fresh();
    const email = `${unique()}@example.com`;
    await send({ as: somebody, ids: { id: somebody.id }, body: { name: "New name" } });
    await send({ as: admin, ids: { id: somebody.id }, body: { email, phone: uniquePhone() } });
  },
  "DELETE /users/{id}": async (send, { admin, fresh }) =>
    send({ as: admin, ids: { id: (await fresh()).id } }),
  "PATCH /users/{id}/reactivate": async (send, { admin, fresh }) =>
    send({ as: admin, ids: { id: (await fresh({ isActive: false })).id } }),
  "POST /users/admin/search": async (send, { admin, region }) => {
    for (const subscriptionStatus of ["active", "expired", "inactive"]) {
      await send({ as: admin, body: { role: "student", subscriptionStatus } });
    }
    await send({ as: admin, body: { query: "person", region, status: "active", page: 1, limit: 5 } });
  },
  "GET /users/admin/statistics": async (send, { admin, region }) => {
    await send({ as: admin });
    await send({ as: admin, query: "?startDate=2024-01-01&endDate=2099-01-01" });
    await send({ as: admin, query: `?region=${region}` });
  },
};

export const regions: Record<string, Row> = {
  "GET /regions": (send) => send({ query: "?active=true&search=a&sortBy=totalUsers&sortOrder=desc" }),
  "POST /regions": (send, { admin }) =>
    send({ as: admin, body: { name: `New ${unique()}`, code: unique().slice(-9).toUpperCase() } }),
  "GET /regions/{id}": (send, { admin, region }) => send({ as: admin, ids: { id: region } }),
  "PUT /regions/{id}": async (send, { admin }) =>
    send({ as: admin, ids: { id: await createRegion() }, body: { description: "Another one" } }),
  "DELETE /regions/{id}": async (send, { admin }) => send({ as: admin, ids: { id: await createRegion() } }),
  "GET /regions/{id}/statistics": (send, { admin, region }) => send({ as: admin, ids: { id: region } }),
  "PATCH /regions/{id}/toggle-status": async (send, { admin }) =>
    send({ as: admin, ids: { id: await createRegion() } }),
};

export const features: Record<string, Row> = {
  "GET /features/user": (send, { student }) => send({ as: student }),
  "GET /features/user/{featureKey}/access": async (send, world) =>
    send({ as: world.student, ids: { featureKey: await newFeature(world) } }),
  "POST /features/user/{featureKey}/usage": async (send, world) =>
    send({ as: world.student, ids: { featureKey: await newFeature(world) } }),
  "GET /features/admin/all": (send, { admin }) => send({ as: admin }),
  "GET /features/admin/category/{category}": (send, { admin }) =>
    send({ as: admin, ids: { category: "games" } }),
  "GET /features/admin/statistics": (send, { admin }) => send({ as: admin }),
  "POST /features/admin/create": (send, { admin }) =>
    send({ as: admin, body: { key: key(), name: "A feature", category: "games", isPaid: false } }),
  "PATCH /features/admin/bulk-update": async (send, world) => {
    const updates = [{ key: await newFeature(world), isPaid: true, isActive: true }];
    await send({ as: world.admin, body: { updates } });
  },
  "PATCH /features/admin/{featureKey}/toggle": async (send, world) =>
    send({
      as: world.admin,
      ids: { featureKey: await newFeature(world) },
      body: { isPaid: true, isActive: true },
    }),
  "DELETE /features/admin/{featureKey}": async (send, world) =>
    send({ as: world.admin, ids: { featureKey: await newFeature(world) } }),
};

export const referrals: Record<string, Row> = {
  "GET /referrals": (send, world) =>
    list(
      send,
      world,
      [`teacher=${world.teacher.id}`, "status=active", "search=N"],
      ["createdAt", "totalUses", "referralCode"],
    ),
  "POST /referrals": async (send, world) =>
    send({ as: world.admin, body: { teacher: (await newTeacher(world)).id, discountPercentage: 10 } }),
  "POST /referrals/validate": (send, { code }) => send({ body: { referralCode: code, amount: 100 } }),
  "GET /referrals/{id}": async (send, world) => send({ as: world.admin, ids: { id: await newCode(world) } }),
  "PUT /referrals/{id}": async (send, world) =>
    send({ as: world.admin, ids: { id: await newCode(world) }, body: { discountPercentage: 20 } }),
  "PATCH /referrals/{id}/toggle-status": async (send, world) =>
    send({ as: world.admin, ids: { id: await newCode(world) } }),
  "DELETE /referrals/{id}": async (send, world) =>
    send({ as: world.admin, ids: { id: await newCode(world) } }),
  "GET /referrals/teacher/{teacherId}": async (send, { admin, teacher }) => {
    for (const as of [admin, teacher]) await send({ as, ids: { teacherId: teacher.id } });
  },
  "GET /admin/referrals/teacher/{teacherId}": (send, { admin, teacher }) =>
    send({ as: admin, ids: { teacherId: teacher.id } }),
  "GET /referrals/admin/statistics": async (send, { admin, teacher }) => {
    await send({ as: admin });
    await send({ as: admin, query: "?startDate=2024-01-01&endDate=2099-01-01" });
    await send({ as: admin, query: `?teacher=${teacher.id}` });
  },
};

export const audit: Record<string, Row> = {
  "GET /admin/audit": (send, world) =>
    list(
      send,
      world,
      ["action=users.update", `actor=${world.admin.id}`, `target=${new ObjectId().toHexString()}`],
      [],
    ),
};
