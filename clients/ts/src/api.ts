/** The few calls that a conversation needs. */

/** An answer that is no success: what to tell the user, and a code for programs. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, message: string, code: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export type SessionType = "chat" | "voice_call" | "video_call";

export interface SessionHandle {
  id: string;
  sessionType: SessionType;
  status: string;
}

export interface Partner {
  id: string;
  name: string;
}

export interface Found {
  session: SessionHandle;
  partner: Partner | null;
}

export interface LiveSession {
  _id: string;
  sessionType: SessionType;
  status: string;
  participants: { user: { _id: string; name: string }; role: string }[];
}

export class Api {
  /** Everything before the paths, without a slash at its end. */
  readonly base: string;
  token = "";
  userId = "";
  userName = "";

  constructor(base: string) {
    this.base = base.replace(/\/+$/, "");
  }

  async signIn(email: string, password: string): Promise<void> {
    const signedIn = await this.post<{ user: { _id: string; name: string }; token: string }>("auth/login", {
      email,
      password,
    });
    this.token = signedIn.token;
    [this.userId, this.userName] = [signedIn.user._id, signedIn.user.name];
  }

  findPartner(sessionType: SessionType): Promise<Found> {
    return this.post("communication/matchmaking/find-partner", { sessionType });
  }

  async liveSessions(): Promise<LiveSession[]> {
    const { sessions } = await this.get<{ sessions: LiveSession[] }>("communication/sessions/active");
    return sessions;
  }

  cancelAll(): Promise<unknown> {
    return this.post("communication/sessions/cancel-all");
  }

  get<Data>(path: string): Promise<Data> {
    return this.ask("GET", path);
  }

  post<Data>(path: string, body: object = {}): Promise<Data> {
    return this.ask("POST", path, body);
  }

  private async ask<Data>(method: string, path: string, body?: object): Promise<Data> {
    const response = await fetch(`${this.base}/${path}`, {
      method,
      headers: {
        ...(this.token ? { authorization: `Bearer ${this.token}` } : {}),
        ...(body ? { "content-type": "application/json" } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const answer = (await response.json().catch(() => ({}))) as {
      success?: boolean;
      data?: Data;
      message?: string;
      code?: string;
    };
    if (!response.ok) {
      throw new ApiError(response.status, answer.message ?? response.statusText, answer.code ?? "UNKNOWN");
    }
    return answer.data as Data;
  }
}
