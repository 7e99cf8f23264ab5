// The page that the link of a password letter opens.
const form = document.querySelector("form");
const status = document.querySelector("[role=status]");
const token = new URLSearchParams(location.search).get("token") ?? "";
// The token must not stay in the history of a shared computer.
history.replaceState(null, "", location.pathname);

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  status.textContent = "…";
  try {
    const response = await fetch("/api/auth/reset-password", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token, password: document.querySelector("#password").value }),
    });
    const answer = await response.json();
    status.textContent = answer.errors?.[0]?.msg ?? answer.message;
    form.hidden = response.ok;
  } catch {
    status.textContent = "There is no connection right now. Please try again.";
  }
});
