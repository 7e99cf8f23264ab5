/** A tiny emitter that also works where there is no EventTarget (React Native). */
export class Emitter<Events> {
  private readonly listeners = new Map<keyof Events, Set<(event: never) => void>>();

  /** Calls `listener` for each event of a kind; the answer stops that. */
  on<Kind extends keyof Events>(kind: Kind, listener: (event: Events[Kind]) => void): () => void {
    const listeners = this.listeners.get(kind) ?? new Set();
    this.listeners.set(kind, listeners.add(listener as (event: never) => void));
    return () => listeners.delete(listener as (event: never) => void);
  }

  protected emit<Kind extends keyof Events>(kind: Kind, event: Events[Kind]): void {
    for (const listener of this.listeners.get(kind) ?? []) listener(event as never);
  }
}
