/* A bake that runs: what its log gets is put to the page as it comes, the clock goes on, and at the end the page is asked for once more.
 * Without this script the page is as complete, as it was when it was asked for. */
"use strict";
(() => {
        const log = document.getElementById("log"), progress = document.getElementById("progress");

        if (progress) {
                const started = Number(progress.dataset.started), elapsed = document.querySelector("#elapsed span"), bar = document.getElementById("bar");
                const two = (n) => String(n).padStart(2, "0");
                const ahead = Date.now() / 1000 - (started + elapsed.textContent.split(":").reduce((sum, part) => sum * 60 + Number(part), 0));

                setInterval(() => {
                        const s = Math.max(0, Math.floor(Date.now() / 1000 - ahead - started)), h = Math.floor(s / 3600);

                        elapsed.textContent = h ? `${h}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` : `${Math.floor(s / 60)}:${two(s % 60)}`;
                        if (bar.hasAttribute("value"))
                                bar.value = Math.min(s, bar.max);
                }, 1000);
        }
        if (!log || !log.dataset.stream)
                return;
        const at_end = () => log.scrollHeight - log.scrollTop - log.clientHeight < 40;
        const to_end = () => { log.scrollTop = log.scrollHeight; };
        const source = new EventSource(`${log.dataset.stream}?from=${log.dataset.next}`);

        to_end();
        source.addEventListener("log", (event) => {
                const follow = at_end();

                for (const line of JSON.parse(event.data).text.split(/(?<=\n)/)) {
                        const step = line.startsWith("==> ") && document.createElement("b");

                        if (step)
                                step.textContent = line;
                        log.append(step || line);
                }
                if (follow)
                        to_end();
        });
        source.addEventListener("end", () => {
                source.close();
                location.reload();
        });
})();
