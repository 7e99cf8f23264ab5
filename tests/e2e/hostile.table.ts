/**
 * The operations of accounts.yaml, those about payments left out, and of learning.yaml, those of the tutor left out: who
 * may call each, a body that it would accept, and the statuses it owes. A new operation is one more entry;
 * hostile.test.ts does the rest.
 */
import { PASSWORD, unique, uniquePhone } from "../support/client.ts";
import { LEARNING } from "./hostile.learning.ts";
import { PAYMENTS } from "./hostile.payments.ts";
import { OPERATOR, type Operation, PAGING, SOON, operation } from "./hostile.operation.ts";

const account = (region: string) => ({
  name: "Hostile Name",
  email: `${unique()}@example.com`,
  phone: uniquePhone(),
  password: PASSWORD,
  role: "teacher",
  region,
});

const signIn: Partial<Operation> = {
  good: () => ({ email: `${unique()}@example.com`, password: PASSWORD }),
  lenient: { password: [400, 401] },
  anonymous: [400],
};

const AUTH = [
  operation("authRegister", "POST /api/auth/register", "public", {
    good: ({ region }) => ({ ...account(region), role: "student", referralCode: "123456" }),
    anonymous: [400],
  }),
  operation("authLogin", "POST /api/auth/login", "public", signIn),
  operation("authAdminLogin", "POST /api/auth/admin/login", "public", signIn),
  operation("authLogout", "POST /api/auth/logout", "user"),
  operation("authMe", "GET /api/auth/me", "user"),
  operation("authForgotPassword", "POST /api/auth/forgot-password", "public", {
    good: () => ({ email: `${unique()}@example.com` }),
    anonymous: [400],
  }),
  operation("authResetPassword", "POST /api/auth/reset-password", "public", {
    good: () => ({ token: "no-such-token", password: PASSWORD }),
    lenient: { token: [400] },
    anonymous: [400],
  }),
  operation("authChangePassword", "PUT /api/auth/change-password", "user", {
    good: () => ({ currentPassword: "not the password", newPassword: "another-pass-1" }),
    others: [400],
  }),
];

const someone: Partial<Operation> = { target: "user", others: [403], unknownToOthers: [403] };

const everythingOfUser = (region: string) => ({
  ...account(region),
  isActive: false,
  isEmailVerified: true,
  isPhoneVerified: true,
  studentInfo: {
    age: 30,
    educationLevel: "advanced",
    preferredLearningTime: "night",
    learningGoals: ["talk"],
    subscriptionStatus: "active",
    planExpiryDate: SOON,
    subscriptionExpiry: SOON,
    totalLecturesWatched: 7,
    totalGameSessions: 7,
    totalCommunicationSessions: 7,
    averageGameScore: 7,
  },
  teacherInfo: {
    qualification: "PhD",
    experience: 9,
    specialization: ["phonetics"],
    bio: "hostile",
    hourlyRate: 9,
    isApproved: true,
  },
  adminInfo: { permissions: ["manage_users"] },
});

// Fields that the server owns may be checked, or passed over.
const oddUser = () => [
  { studentInfo: OPERATOR },
  { teacherInfo: OPERATOR },
  { adminInfo: OPERATOR },
  ...["currentPlan", "totalSessions", "totalGamesPlayed", "totalWatchTime"].map((key) => ({
    studentInfo: { [key]: OPERATOR },
  })),
  ...["referralCode", "totalStudents", "totalEarnings", "totalReferrals"].map((key) => ({
    teacherInfo: { [key]: OPERATOR },
  })),
  { $set: { role: "admin" } },
  { "teacherInfo.totalEarnings": 5, "studentInfo.planExpiryDate": SOON },
  { _id: OPERATOR, __v: OPERATOR, createdAt: OPERATOR, transactions: OPERATOR, gameScores: OPERATOR },
];

const USERS = [
  operation("usersList", "GET /api/users", "admin", {
    query: ["role", "region", "status", "search", ...PAGING],
  }),
  operation("usersCreate", "POST /api/users", "admin", {
    good: ({ region }) => ({
      ...account(region),
      isActive: true,
      isEmailVerified: true,
      teacherInfo: { qualification: "MA", experience: 3 },
    }),
  }),
  operation("usersGet", "GET /api/users/{}", "user", someone),
  operation("usersUpdate", "PUT /api/users/{}", "user", {
    ...someone,
    good: ({ region }) => everythingOfUser(region),
    odd: oddUser,
  }),
  operation("usersDeactivate", "DELETE /api/users/{}", "admin", { target: "user" }),
  operation("usersReactivate", "PATCH /api/users/{}/reactivate", "admin", { target: "user" }),
  operation("usersStatistics", "GET /api/users/admin/statistics", "admin", {
    query: ["startDate", "endDate", "region"],
  }),
  operation("usersSearch", "POST /api/users/admin/search", "admin", {
    good: () => ({}),
    odd: () =>
      ["query", "role", "region", "status", "subscriptionStatus", "page", "limit"].flatMap((key) => [
        { role: "student", [key]: OPERATOR },
        { role: "student", [key]: [OPERATOR] },
        { role: "student", [key]: null },
      ]),
  }),
];

const region = () => ({
  name: `Hostile ${unique()}`,
  code: unique().slice(-10),
  description: "hostile",
  isActive: false,
});

const REGIONS = [
  operation("regionsCreate", "POST /api/regions", "admin", { good: region }),
  operation("regionsList", "GET /api/regions", "public", {
    query: ["active", "search", "sortBy", "sortOrder"],
    anonymous: [200],
  }),
  operation("regionsGet", "GET /api/regions/{}", "user", { target: "region" }),
  operation("regionsUpdate", "PUT /api/regions/{}", "admin", { target: "region", good: region }),
  operation("regionsDelete", "DELETE /api/regions/{}", "admin", { target: "region" }),
  operation("regionsStatistics", "GET /api/regions/{}/statistics", "admin", { target: "region" }),
  operation("regionsToggleStatus", "PATCH /api/regions/{}/toggle-status", "admin", { target: "region" }),
];

// Keys are no ids: one that cannot be is only one that nobody has.
const byKey: Partial<Operation> = { target: "feature", malformed: [400, 404] };

const FEATURES = [
  operation("featuresAdminList", "GET /api/features/admin/all", "admin"),
  operation("featuresAdminByCategory", "GET /api/features/admin/category/{}", "admin", {
    target: "category",
    unknown: [200, 400, 404],
    malformed: [200, 400, 404],
  }),
  operation("featuresAdminToggle", "PATCH /api/features/admin/{}/toggle", "admin", {
    ...byKey,
    good: () => ({ isPaid: true, isActive: false }),
  }),
  operation("featuresAdminBulkUpdate", "PATCH /api/features/admin/bulk-update", "admin", {
    good: ({ feature }) => ({ updates: [{ featureKey: feature, isPaid: true, isActive: false }] }),
    // Each entry stands for itself: a bad one is listed under errors, or fails the whole.
    lenient: {
      "updates.0": [200, 400],
      "updates.0.featureKey": [200, 400],
      "updates.0.isPaid": [200, 400],
      "updates.0.isActive": [200, 400],
    },
    odd: ({ feature }) => [
      { updates: [null, 5, "x", [], { featureKey: null, isPaid: true }] },
      { updates: [{ featureKey: feature }] },
      { updates: [{ featureKey: feature, isPaid: null, isActive: null }] },
    ],
    plain: true,
  }),
  operation("featuresAdminStatistics", "GET /api/features/admin/statistics", "admin"),
  operation("featuresAdminCreate", "POST /api/features/admin/create", "admin", {
    good: () => ({
      key: `hostile_${unique()}`,
      name: "Hostile feature",
      category: "social",
      isPaid: true,
      isActive: false,
      description: "hostile",
      icon: "star",
      color: "#226cae",
      order: 5,
      requiredPlan: "basic",
      freeLimit: 3,
      freeLimitType: "total",
      showInMenu: false,
      requiresAuth: true,
    }),
  }),
  operation("featuresAdminDeactivate", "DELETE /api/features/admin/{}", "admin", byKey),
  operation("featuresUserList", "GET /api/features/user", "user"),
  operation("featuresUserAccess", "GET /api/features/user/{}/access", "user", byKey),
  operation("featuresUserRecordUsage", "POST /api/features/user/{}/usage", "user", byKey),
];

const terms = { discountPercentage: 40, isActive: false, maxUses: 5, expiryDate: SOON, description: "x" };

const REFERRALS = [
  operation("referralsList", "GET /api/referrals", "admin", {
    query: ["teacher", "status", "search", ...PAGING],
  }),
  operation("referralsCreate", "POST /api/referrals", "admin", {
    good: ({ teacher }) => ({ teacher, ...terms }),
  }),
  operation("referralsGet", "GET /api/referrals/{}", "user", {
    target: "referral",
    others: [403],
    unknownToOthers: [403, 404],
  }),
  operation("referralsUpdate", "PUT /api/referrals/{}", "admin", { target: "referral", good: () => terms }),
  operation("referralsDelete", "DELETE /api/referrals/{}", "admin", { target: "referral" }),
  operation("referralsToggleStatus", "PATCH /api/referrals/{}/toggle-status", "admin", {
    target: "referral",
  }),
  operation("referralsByTeacher", "GET /api/referrals/teacher/{}", "user", {
    target: "teacher",
    others: [403],
    unknownToOthers: [403],
  }),
  operation("referralsStatistics", "GET /api/referrals/admin/statistics", "admin", {
    query: ["startDate", "endDate", "teacher"],
  }),
  operation("referralsValidate", "POST /api/referrals/validate", "public", {
    good: () => ({ referralCode: "no-such-code", amount: 100 }),
    // The app shows its own text for anything but 200: an impossible code may be one that nobody has.
    lenient: { referralCode: [200, 400] },
    plain: true,
    anonymous: [400],
    verdict: true,
  }),
];

const ADMIN = [
  operation("adminReferralsByTeacher", "GET /api/admin/referrals/teacher/{}", "admin", {
    target: "teacher",
    unknown: [200, 404],
  }),
  operation("adminAudit", "GET /api/admin/audit", "admin", {
    query: ["page", "limit", "action", "actor", "target"],
  }),
];

// The two for debugging may be dropped.
const PROBES = [
  operation("serverHealth", "GET /health", "public", { anonymous: [200], bare: true }),
  operation("serverKeepalive", "GET /keepalive", "public", { anonymous: [200] }),
  operation("serverTestConnection", "GET /test-connection", "public", { anonymous: [200, 404] }),
  operation("serverListEndpoints", "GET /test", "public", { anonymous: [200, 404] }),
];

export const OPERATIONS = [
  ...AUTH,
  ...USERS,
  ...REGIONS,
  ...FEATURES,
  ...REFERRALS,
  ...ADMIN,
  ...LEARNING,
  ...PAYMENTS,
  ...PROBES,
];

/** What this table answers for: the description of the interface has all of it, and no more of its kind. */
export const COVERED =
  /^\/(auth|users|regions|features|referrals|games|lectures|leaderboard|plans|transactions|admin)(\/|$)/;
