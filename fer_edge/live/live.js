// The page of `fer-edge live`: pictures go to the server that sent this page, and its answers are shown.

const TOKEN = new URLSearchParams(location.search).get("token") ?? "";
const MAX_BYTES = 20e6; // the server refuses more
const STATE_SECONDS = 2;
const DOUBTFUL = "Perhaps a face.";

const element = (id) => document.getElementById(id);
const shown = { turn: 0, picture: null, file: null, size: [640, 480], faces: [], chosen: 0, history: [], explained: null };
let state = { classes: [] };

// Talking to the server ------------------------------------------------------

async function ask(path, options = {}) {
  const reply = await fetch(path, { ...options, headers: { "x-token": TOKEN } });
  if (reply.ok) return reply.json();
  const text = await reply.text();
  let words = text;
  try {
    const { error, cure } = JSON.parse(text);
    words = `${error} ${cure}`;
  } catch { /* not ours: as it is */ }
  throw new Error(words.trim());
}

async function refreshState() {
  try {
    state = await ask("state");
    element("network").textContent = state.network;
    element("who").textContent = state.who;
    element("folder").textContent = state.corrections;
    fillClasses();
    for (const id of ["board-choice", "board-section"]) element(id).hidden = state.port === "none";
    element("simulator").checked = state.simulator_allowed;
    if (state.lost) {
      const goesOn = state.simulator_allowed ? "The simulator goes on." : "Nobody answers: the simulator is not allowed.";
      say(`${state.lost} ${goesOn} The board is taken back when it returns.`, "state");
    } else if (element("message").dataset.kind === "state") say("");
  } catch {
    say("fer-edge live does not answer any more. Start it again, and open the address that it prints.", "state");
  }
}

function say(words, kind = "picture") {
  const message = element("message");
  if (message.textContent === words && message.dataset.kind === kind) return; // said once, not again and again
  message.hidden = !words;
  message.className = "banner bad";
  message.dataset.kind = kind;
  message.textContent = words;
}

// Pictures -------------------------------------------------------------------

async function lookAt(file, whole = false) {
  if (!file) return;
  closeCamera();
  if (file.size > MAX_BYTES) {
    say(`The picture has over ${MAX_BYTES / 1e6} MB. Make it smaller.`);
    return;
  }
  element("found").textContent = "Looking …";
  const turn = ++shown.turn;
  try {
    const answer = await ask(`picture${whole ? "?whole=1" : ""}`, { method: "POST", body: file });
    const picture = await createImageBitmap(file).catch(() => null); // TIFF, say, which only the server reads
    if (turn !== shown.turn) return; // a newer one has been picked since
    say("");
    [shown.picture, shown.file] = [picture, file];
    take(answer);
    element("whole").hidden = answer.faces.length > 0;
  } catch (error) {
    if (turn !== shown.turn) return;
    element("found").textContent = "";
    say(error.message);
  }
}

function take(answer) {
  [shown.size, shown.faces, shown.chosen] = [answer.size, answer.faces, 0];
  const count = answer.faces.length;
  element("found").textContent = count === 0
    ? "No face found. One that is turned away, covered or smaller than about 46 pixels is overlooked."
    : answer.faces[0].sure ? `${count} face${count > 1 ? "s" : ""} found.` : DOUBTFUL;
  draw();
}

// The webcam -----------------------------------------------------------------

const IN_FLIGHT = 2; // frames: one is looked at while the next is on its way
const SIZE = { width: 640, height: 480 };
const RATE_SECONDS = 2;
const camera = { stream: null, socket: null, sent: [], busy: false, answered: [] };

async function openCamera() {
  try {
    if (!navigator.mediaDevices) throw new Error("This browser gives no page the webcam.");
    camera.stream = await navigator.mediaDevices.getUserMedia({ video: SIZE, audio: false });
  } catch (error) {
    say(`No webcam: ${error.message}. Allow it for this page, and close other programs that use it.`);
    return;
  }
  shown.turn += 1; // whatever picture is still being looked at comes too late
  say("");
  const video = element("video");
  video.srcObject = camera.stream;
  await video.play();
  camera.socket = new WebSocket(`ws://${location.host}/frames?token=${encodeURIComponent(TOKEN)}`);
  camera.socket.addEventListener("open", sendFrame);
  camera.socket.addEventListener("message", (event) => takeFrame(JSON.parse(event.data)));
  camera.socket.addEventListener("close", closeCamera);
  Object.assign(camera, { sent: [], busy: false, answered: [] });
  shown.history = [];
  showCamera(true);
}

function closeCamera() {
  if (!camera.stream) return;
  for (const track of camera.stream.getTracks()) track.stop();
  camera.stream = null;
  camera.socket?.close();
  element("video").srcObject = null;
  showCamera(false);
}

function showCamera(on) {
  element("camera").setAttribute("aria-pressed", String(on));
  element("camera").textContent = on ? "Webcam off" : "Webcam";
  for (const id of ["smoothing", "rate-card"]) element(id).hidden = !on;
  element("whole").hidden = true;
}

async function sendFrame() {
  const { socket } = camera, video = element("video");
  if (camera.busy || camera.sent.length >= IN_FLIGHT || socket?.readyState !== WebSocket.OPEN || !camera.stream) return;
  camera.busy = true;
  const frame = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  frame.getContext("2d").drawImage(video, 0, 0);
  const jpeg = await frame.convertToBlob({ type: "image/jpeg", quality: 0.9 });
  camera.busy = false;
  if (socket.readyState !== WebSocket.OPEN) return;
  camera.sent.push(frame);
  socket.send(jpeg);
  sendFrame();
}

function takeFrame(answer) {
  camera.sent.splice(0, answer.skipped);
  const frame = camera.sent.shift();
  sendFrame();
  if (!camera.stream) return;
  if (answer.error) {
    element("found").textContent = answer.error;
    return;
  }
  const now = performance.now();
  camera.answered = [...camera.answered.filter((then) => now - then < 1000 * RATE_SECONDS), now];
  shown.picture = frame;
  [shown.size, shown.faces, shown.chosen] = [answer.size, answer.faces, 0];
  remember(answer.faces[0]);
  setText("found", answer.faces.length ? (answer.faces[0].sure ? "" : DOUBTFUL) : "No face found. Come nearer, and look into the camera.");
  draw();
  const seconds = (now - camera.answered[0]) / 1000;
  if (seconds > 0) {
    const value = (camera.answered.length - 1) / seconds;
    element("rate").replaceChildren(...figure({ value, unit: "1/s", kind: "measured", source: "this browser's clock, from answer to answer; detector and network" }));
  }
}

// The scores of one face over time; another face, elsewhere, begins anew.
function remember(face) {
  if (!face) return;
  const { left, top, side } = face.box, last = shown.history.at(-1)?.box;
  if (last && Math.hypot(left - last.left, top - last.top) > side) shown.history = [];
  shown.history = [...shown.history, { box: face.box, scores: face.answer.scores }].slice(-Number(element("window").max));
}

function smoothed() {
  const last = shown.history.slice(-Number(element("window").value));
  return state.classes.map((_, index) => last.reduce((sum, { scores }) => sum + scores[index], 0) / last.length);
}

// Showing --------------------------------------------------------------------

function draw() {
  drawPicture();
  drawChoices();
  const face = shown.faces[shown.chosen];
  drawPixels(face);
  drawBars(face && (camera.stream ? smoothed() : face.answer.scores));
  drawCost(face?.answer);
}

function setText(id, text) { // what has not changed is not told again
  if (element(id).textContent !== text) element(id).textContent = text;
}

function name(face) {
  const { scores } = face.answer;
  return state.classes[scores.indexOf(Math.max(...scores))];
}

function drawPicture() {
  const canvas = element("picture"), [width, height] = shown.size, longer = Math.max(width, height);
  const scale = Math.min(Math.max(longer, 640), 1280) / longer; // a small one is enlarged: frames and names are not of its pixels
  [canvas.width, canvas.height] = [Math.max(1, width * scale), Math.max(1, height * scale)];
  const pen = canvas.getContext("2d");
  if (shown.picture) pen.drawImage(shown.picture, 0, 0, canvas.width, canvas.height);
  const line = Math.max(2, canvas.width / 200), size = Math.max(14, canvas.width / 30);
  pen.font = `600 ${size}px system-ui, sans-serif`;
  shown.faces.forEach((face, number) => {
    const { left, top, side } = face.box;
    const [x, y, s] = [left * scale, top * scale, side * scale];
    for (const [colour, wide] of [["#000", 2 * line], ["#fff", line]]) { // seen on any picture
      pen.strokeStyle = colour;
      pen.lineWidth = wide;
      pen.setLineDash(number === shown.chosen ? [] : [3 * line, 2 * line]);
      pen.strokeRect(x, y, s, s);
    }
    const words = `${number + 1} ${name(face)}`, wide = pen.measureText(words).width + 0.6 * size;
    const above = Math.max(y, 1.4 * size), from = Math.max(0, Math.min(x, canvas.width - wide)); // on the picture
    pen.fillStyle = "#000";
    pen.fillRect(from, above - 1.4 * size, wide, 1.4 * size);
    pen.fillStyle = "#fff";
    pen.fillText(words, from + 0.3 * size, above - 0.4 * size);
  });
  const told = shown.faces.map((face, number) => `face ${number + 1}: ${name(face)}`).join(", ");
  canvas.setAttribute("aria-label", `Picture of ${width}×${height} pixels; ${told || "no face found"}`);
}

function drawChoices() {
  const choices = element("choices");
  choices.hidden = shown.faces.length < 2;
  choices.replaceChildren(...shown.faces.map((face, number) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = `Face ${number + 1}: ${name(face)}`;
    button.setAttribute("aria-pressed", String(number === shown.chosen));
    button.addEventListener("click", () => {
      shown.chosen = number;
      draw();
      element("choices").children[number].focus();
    });
    return button;
  }));
}

function bytes(face) {
  return Uint8Array.from(atob(face.pixels), (character) => character.charCodeAt(0));
}

function drawPixels(face) {
  for (const id of ["show-mattered", "compare"]) element(id).disabled = !face;
  enableCorrection();
  if (face !== shown.explained) for (const id of ["map", "comparison"]) element(id).hidden = true;
  const canvas = element("pixels"), pen = canvas.getContext("2d");
  pen.clearRect(0, 0, 48, 48);
  canvas.setAttribute("aria-label", face ? "What the network got: the chosen face" : "What the network got: no face");
  if (!face) return;
  pen.putImageData(greyImage(face), 0, 0);
}

function greyImage(face, side = 48) {
  const image = new ImageData(side, side);
  bytes(face).forEach((value, at) => image.data.set([value, value, value, 255], 4 * at));
  return image;
}

function drawBars(scores) {
  const best = scores ? scores.indexOf(Math.max(...scores)) : -1;
  const unsure = camera.stream && scores?.[best] < Number(element("threshold").value) / 100;
  setText("answer", scores ? (unsure ? `unsure (${state.classes[best]}?)` : state.classes[best]) : "–");
  element("bars").tBodies[0].replaceChildren(...(scores ?? []).map((share, index) => {
    const row = document.createElement("tr"), head = document.createElement("th");
    head.scope = "row";
    head.textContent = state.classes[index];
    const bar = row.appendChild(head) && row.insertCell(), percent = row.insertCell();
    bar.innerHTML = '<div class="bar" aria-hidden="true"><i></i></div>';
    bar.querySelector("i").style.width = `${100 * share}%`;
    percent.className = "n";
    percent.textContent = `${(100 * share).toFixed(1)} %`;
    row.classList.toggle("first", index === best);
    return row;
  }));
}

function drawCost(answer) {
  element("computed-by").textContent = answer?.who ?? "–";
  for (const what of ["cycles", "latency", "energy"]) element(what).replaceChildren(...(answer ? figure(answer[what]) : ["–"]));
}

function figure({ value, unit, kind, source }) {
  const number = document.createElement("span"), word = document.createElement("span"), note = document.createElement("span");
  number.className = "value";
  const digits = Math.max(4, String(Math.round(value)).length);
  number.append(`${value.toLocaleString("en", { maximumSignificantDigits: digits })} `);
  const measure = number.appendChild(document.createElement("span"));
  measure.className = "unit";
  measure.textContent = unit;
  note.className = "note";
  note.textContent = source;
  word.className = `tag ${kind}`;
  word.textContent = kind;
  return [number, note, word];
}

// One face: what mattered, side by side, corrections ---------------------------

const PATCH = 8, STEP = 5; // pixels, as the server hides them
const PLACES = [["top left", "top", "top right"], ["left", "middle", "right"], ["bottom left", "bottom", "bottom right"]];

// The face looked at, kept still: while the webcam is on, the next frame would take it away.
function still() {
  const face = shown.faces[shown.chosen];
  if (camera.stream) {
    closeCamera();
    draw();
  }
  shown.explained = face;
  return face;
}

async function showMattered() {
  const face = still(), { scores } = face.answer, best = scores.indexOf(Math.max(...scores));
  try {
    const { lost } = await ask(`mattered?class=${best}`, { method: "POST", body: bytes(face) });
    if (face !== shown.explained) return;
    drawMattered(face, lost, state.classes[best], scores[best]);
  } catch (error) {
    say(error.message);
  }
}

function drawMattered(face, lost, named, score) {
  const canvas = element("mattered"), pen = canvas.getContext("2d"), scale = canvas.width / 48;
  const small = new OffscreenCanvas(48, 48);
  small.getContext("2d").putImageData(greyImage(face), 0, 0);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(small, 0, 0, canvas.width, canvas.height);
  const most = Math.max(...lost.flat()), size = scale * STEP;
  let where = [0, 0];
  pen.fillStyle = "#ffb000";
  lost.forEach((row, y) => row.forEach((value, x) => {
    if (value === most) where = [y, x];
    pen.globalAlpha = 0.7 * Math.max(0, value) / Math.max(most, 1e-9);
    const margin = scale * (PATCH - STEP) / 2;
    pen.fillRect(margin + x * size, margin + y * size, size, size);
  }));
  pen.globalAlpha = 1;
  const place = PLACES[Math.floor(where[0] / 3)][Math.floor(where[1] / 3)];
  const words = most > 0
    ? `Hidden by a square of ${PATCH}×${PATCH} pixels, the yellow parts take away most of “${named}”: up to ${(100 * most).toFixed(1)} of ${(100 * score).toFixed(1)} %, at the ${place}. By the simulator.`
    : `No part of ${PATCH}×${PATCH} pixels takes away anything of “${named}” when it is hidden. By the simulator.`;
  element("map").hidden = false;
  element("mattered-words").textContent = words;
  canvas.setAttribute("aria-label", words);
}

async function showComparison() {
  const face = still();
  try {
    const { rows } = await ask("comparison", { method: "POST", body: bytes(face) });
    if (face !== shown.explained) return;
    drawComparison(rows);
  } catch (error) {
    say(error.message);
  }
}

function drawComparison(rows) {
  const table = element("rows");
  table.replaceChildren();
  const heads = table.createTHead().insertRow();
  for (const words of ["Class", ...rows.map(({ who }) => who)]) {
    const head = heads.appendChild(document.createElement("th"));
    head.scope = "col";
    head.textContent = words;
    if (words !== "Class") head.className = "n";
  }
  const body = table.createTBody();
  state.classes.forEach((named, index) => {
    const row = body.insertRow(), head = row.appendChild(document.createElement("th"));
    head.scope = "row";
    head.textContent = named;
    for (const { scores } of rows) {
      const cell = row.insertCell();
      cell.className = "n";
      cell.textContent = scores ? `${(100 * scores[index]).toFixed(1)} %` : "–";
    }
  });
  const [, integer, board] = rows;
  const words = rows.filter(({ missing }) => missing).map(({ who, missing }) => `No ${who}: ${missing}.`);
  if (board.logits) {
    const same = board.logits.every((value, index) => value === integer.logits[index]);
    words.push(same ? "The board's logits are the simulator's, every one." : "The board's logits differ from the simulator's!");
  }
  element("comparison-words").textContent = words.join(" ");
  element("comparison").hidden = false;
}

function fillClasses() {
  const select = element("label");
  if (select.options.length === state.classes.length) return;
  select.replaceChildren(...state.classes.map((named, index) => new Option(named, index)));
}

function enableCorrection() {
  const off = !element("keep").checked || !shown.faces[shown.chosen];
  for (const id of ["label", "correct"]) element(id).disabled = off;
}

async function correct() {
  try {
    const { kept } = await ask(`correction?class=${element("label").value}`, { method: "POST", body: bytes(shown.faces[shown.chosen]) });
    element("kept").textContent = `Kept as ${kept}.`;
  } catch (error) {
    say(error.message);
  }
}

// The board's own camera -------------------------------------------------------

const eye = { socket: null, first: null, seen: 0, began: 0 };

function openEye() {
  eye.socket = new WebSocket(`ws://${location.host}/board?token=${encodeURIComponent(TOKEN)}`);
  Object.assign(eye, { first: null, seen: 0 });
  eye.socket.addEventListener("message", (event) => takeSight(JSON.parse(event.data)));
  eye.socket.addEventListener("close", closeEye);
  showEye(true);
  element("board-words").textContent = "Starting …";
}

function closeEye() {
  if (!eye.socket) return;
  eye.socket.close();
  eye.socket = null;
  showEye(false);
}

function showEye(on) {
  element("board-camera").setAttribute("aria-pressed", String(on));
  element("board-camera").textContent = on ? "Board's camera off" : "Board's camera";
  if (!on && eye.seen) element("board-words").textContent = "Off: the camera has no supply.";
}

function takeSight(sight) {
  if (!eye.socket) return;
  if (sight.error) {
    eye.seen = 0; // so that the reason stays
    element("board-words").textContent = `${sight.error} ${sight.cure}`;
    return;
  }
  const now = performance.now();
  if (eye.first === null) [eye.first, eye.began] = [sight.number, now];
  eye.seen += 1;
  const { scores } = sight.answer, best = scores.indexOf(Math.max(...scores)), named = state.classes[best];
  setText("board-answer", named);
  element("board-preview").getContext("2d").putImageData(greyImage({ pixels: sight.preview }, 96), 0, 0);
  element("board-preview").setAttribute("aria-label", "The camera's picture");
  element("board-pixels").getContext("2d").putImageData(greyImage(sight), 0, 0);
  element("board-pixels").setAttribute("aria-label", `What the network got from it: ${named}`);
  const lost = sight.number - eye.first + 1 - eye.seen, rate = eye.seen > 1 ? (1000 * (eye.seen - 1)) / (now - eye.began) : 0;
  const { capture, compute } = sight;
  element("board-words").textContent = `${(100 * scores[best]).toFixed(1)} %; ${rate.toFixed(1)} pictures a second reach this page (measured), ${lost} of the camera's did not; capture ${capture.value.toFixed(1)} ms (${capture.kind}), compute ${compute.value.toFixed(1)} ms (${compute.kind}).`;
}

// What a person does ---------------------------------------------------------

element("pick").addEventListener("click", () => element("file").click());
element("file").addEventListener("change", (event) => lookAt(event.target.files[0]).then(() => { event.target.value = ""; }));
element("camera").addEventListener("click", () => (camera.stream ? closeCamera() : openCamera()));
element("board-camera").addEventListener("click", () => (eye.socket ? closeEye() : openEye()));
for (const id of ["window", "threshold"]) {
  element(id).addEventListener("input", () => {
    element(`${id}-value`).textContent = element(id).value;
    if (camera.stream) draw();
  });
}
element("show-mattered").addEventListener("click", showMattered);
element("compare").addEventListener("click", showComparison);
element("correct").addEventListener("click", correct);
element("keep").addEventListener("change", () => {
  enableCorrection();
  element("kept").textContent = element("keep").checked ? "" : "Nothing is stored while this is off.";
});
element("simulator").addEventListener("change", async (event) => {
  await ask(`simulator?allowed=${Number(event.target.checked)}`, { method: "POST" }).catch((error) => say(error.message));
  refreshState();
});
element("whole").addEventListener("click", () => lookAt(shown.file, true));
addEventListener("paste", (event) => {
  const file = [...event.clipboardData.files].find((one) => one.type.startsWith("image/"));
  if (file) lookAt(file);
});
addEventListener("dragover", (event) => {
  event.preventDefault();
  element("stage").classList.add("over");
});
addEventListener("dragleave", () => element("stage").classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault();
  element("stage").classList.remove("over");
  lookAt(event.dataTransfer.files[0]);
});

await refreshState();
setInterval(refreshState, 1000 * STATE_SECONDS);
