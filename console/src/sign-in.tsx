import { useEffect, useRef, useState, type FormEvent, type ReactNode } from "react";
import type { Session } from "../../src/server/api.ts";
import { Wordmark } from "./parts/wordmark.tsx";
import { Trouble } from "./parts/block.tsx";
import { startLive } from "./live.tsx";
import { queries, Refusal, request } from "./requests.ts";
import { setSession, useSession } from "./session.ts";

type Way = "password" | "token";

/** The console for whoever may see it, a sign-in for whoever has to say who they are. */
export function Door({ children }: { children: ReactNode }): ReactNode {
  const session = useSession();
  const [trouble, setTrouble] = useState<unknown>(null);
  useEffect(() => {
    void request<Session>("/session").then(setSession, setTrouble);
  }, []);
  const isIn = session !== null && session.state !== "signed-out";
  useEffect(() => (isIn ? startLive() : undefined), [isIn]);
  if (session === null) return trouble === null ? null : <Trouble error={trouble} />;
  return isIn ? children : <SignIn />;
}

function SignIn(): ReactNode {
  const [way, setWay] = useState<Way>("password");
  const [trouble, setTrouble] = useState<unknown>(null);
  const [isAsking, setAsking] = useState(false);
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = "Sign in · Karkhana";
    first.current?.focus();
  }, [way]);
  const ask = async (form: FormData): Promise<void> => {
    const said = (name: string): string => {
      const value = form.get(name);
      return typeof value === "string" ? value : "";
    };
    const body = way === "token" ? { token: said("token").trim() } : { user: said("user").trim(), password: said("password") };
    setAsking(true);
    try {
      const session = await request<Session>("/session", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
      // What another person saw is not shown to this one.
      queries.clear();
      setSession(session);
    } catch (error) {
      setTrouble(error);
    } finally {
      setAsking(false);
    }
  };
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    void ask(new FormData(event.currentTarget));
  };
  return (
    <main className="door">
      <Wordmark />
      <form onSubmit={submit} aria-labelledby="door-title">
        <h1 id="door-title">Sign in</h1>
        <div className="segmented" role="group" aria-label="With">
          {(["password", "token"] as const).map((w) => (
            <button key={w} type="button" aria-pressed={way === w} onClick={() => setWay(w)}>
              {w === "password" ? "Name and password" : "Token"}
            </button>
          ))}
        </div>
        {way === "password" ? (
          <>
            <label>
              Name
              <input ref={first} name="user" autoComplete="username" autoCapitalize="none" spellCheck={false} required maxLength={100} />
            </label>
            <label>
              Password
              <input name="password" type="password" autoComplete="current-password" required maxLength={1024} />
            </label>
          </>
        ) : (
          <label>
            Token
            <input ref={first} name="token" type="password" autoComplete="off" spellCheck={false} required maxLength={1024} />
          </label>
        )}
        <button type="submit" className="primary" disabled={isAsking}>
          {isAsking ? "Asking" : "Sign in"}
        </button>
        <Trouble error={refusalInWords(trouble)} />
        <p className="note">
          An admin adds people with <code>karkhana auth add-user</code>.
        </p>
      </form>
    </main>
  );
}

/** Of a sign-in there is one thing to say, whatever was wrong. */
function refusalInWords(trouble: unknown): unknown {
  if (!(trouble instanceof Refusal) || trouble.code !== "ACCESS_UNAUTHENTICATED") return trouble;
  const { status, code, details } = trouble;
  return new Refusal(status, {
    code,
    details,
    message: "That is not a name and password, or a token, that is known here.",
    remedy: "Check it, or ask an admin.",
  });
}

/** Name and way out, where someone is signed in. */
export function SignedIn(): ReactNode {
  const session = useSession();
  if (session?.state !== "signed-in") return null;
  const leave = async (): Promise<void> => {
    const next = await request<Session>("/session", { method: "DELETE" });
    queries.clear();
    setSession(next);
  };
  return (
    <div className="signed-in">
      <span className="long">
        {session.user} <span className="note">{session.role}</span>
      </span>
      <button type="button" className="plain" onClick={() => void leave()}>
        Sign out
      </button>
    </div>
  );
}
