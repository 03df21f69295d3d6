// A mail server that keeps what it is given, so that the walk sees what people are sent.
import { createServer } from "node:net";

/** Where it listens; e2e/server.sh names the same port. */
const PORT = 3925;

/** Begins to listen; `letters` grows by a text for each mail. */
export async function mailServer() {
  const letters = [];
  const server = createServer((socket) => {
    let text = "";
    let within = false;
    const say = (line) => socket.write(`${line}\r\n`);
    socket.setEncoding("utf8");
    socket.on("error", () => socket.destroy());
    socket.on("data", (piece) => {
      text += piece;
      for (;;) {
        const ends = within ? "\r\n.\r\n" : "\r\n";
        const at = text.indexOf(ends);
        if (at < 0) return;
        const one = text.slice(0, at);
        text = text.slice(at + ends.length);
        if (within) {
          letters.push(one);
          within = false;
          say("250 kept");
        } else if (one === "DATA") {
          within = true;
          say("354 go on");
        } else if (one === "QUIT") {
          say("221 bye");
          socket.end();
        } else say("250 fine");
      }
    });
    say("220 the walk");
  });
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(PORT, "127.0.0.1", resolve);
  });
  return { letters, close: () => server.close() };
}
