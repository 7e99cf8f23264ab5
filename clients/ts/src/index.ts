export { Api, ApiError, type Found, type LiveSession, type SessionType } from "./api.ts";
export { Call, type CallEvents } from "./call.ts";
export { Room, type RoomOptions } from "./room.ts";
export type {
  Candidate,
  Description,
  IceServer,
  Message,
  Presence,
  Role,
  RoomEvents,
  Status,
} from "./transport.ts";
