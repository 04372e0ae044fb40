// Checks a proof file in the reader's own browser, by the plan of record/proved.py, and tells every step. Nothing is
// sent anywhere; of what it reads, only what verified is shown, as text.

const SALT = 32 // bytes: HMAC fills a shorter key up with zeros, so other salts would open the commitment too
const FORMAT = "standwatch/proof/1"
const HEADER = "c2sp.org/tlog-proof@v1"
const LIMITS = [
  "complete up to this checkpoint: what came later, and what was never told to the gateway, is not in it",
  "it shows that these entries are in the log, not that they are all about it: `standwatch verify` reads the whole",
  "whether each was allowed where it stands is not replayed here: `standwatch verify` does that",
]
// The part that a kind's `why` commits to; the action and the result have members of their own.
const WHY = {
  "act.intent.1": "findings", "act.denied.1": "findings", "act.asked.1": "findings", "act.asked.2": "findings",
  "act.outcome.2": "findings", "act.contradicted.1": "findings",
  "act.deferred.1": "findings", "act.pulled.1": "reason", "act.answered.1": "reason", "act.answered.2": "reason",
  "act.endorsed.1": "reason", "ctl.revalidated.1": "reason",
  "act.decided.1": "context", "act.shadowed.1": "context", "act.overridden.1": "reason",
  "ctl.run_opened.1": "task", "ctl.run_opened.2": "task", "ctl.task.1": "task", "ctl.task_added.1": "task", "ctl.declared.1": "manifest", "ctl.declared.2": "manifest", "ctl.config.1": "manifest", "ctl.hold.1": "reason",
  "ctl.released.1": "reason", "ctl.second_place.1": "reason", "ctl.evidence.1": "reason", "ctl.coverage.1": "reason", "ctl.deployed.1": "reason",
  "ctl.passkey_ended.1": "reason", "ctl.relaxed.1": "reason", "ctl.restored.1": "reason", "ctl.glass.1": "reason",
}

const utf8 = new TextEncoder()
const strictly = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
const kindly = new TextDecoder("utf-8", { ignoreBOM: true })

class Wrong extends Error {}
class Unable extends Error {}

const need = (good, why) => { if (!good) throw new Wrong(why) }

// --- bytes ---------------------------------------------------------------------------------------------------------

const hex = bytes => Array.from(bytes, one => one.toString(16).padStart(2, "0")).join("")
const same = (a, b) => hex(a) === hex(b)

function join(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, one) => sum + one.length, 0))
  let at = 0
  for (const one of parts) { whole.set(one, at); at += one.length }
  return whole
}

function base64(text) {
  need(typeof text === "string", "not base64")
  let raw
  try { raw = atob(text) } catch { throw new Wrong("not base64") }
  need(btoa(raw) === text, "base64 in another spelling than its own")
  return Uint8Array.from(raw, one => one.charCodeAt(0))
}

function base64url(text) {
  need(typeof text === "string" && /^[A-Za-z0-9_-]*$/.test(text), "not base64url")
  const plain = text.replaceAll("-", "+").replaceAll("_", "/")
  return base64(plain + "=".repeat((4 - (plain.length % 4)) % 4))
}

function unhex(text) {
  need(typeof text === "string" && /^([0-9a-f]{2})*$/.test(text), "not hexadecimal")
  return Uint8Array.from(text.match(/../g) ?? [], pair => parseInt(pair, 16))
}

const sha256 = async bytes => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))
const leafHash = bytes => sha256(join([0], bytes))

async function hmac(salt, data) {
  need(salt.length === SALT, `a salt has ${SALT} bytes`)
  const key = await crypto.subtle.importKey("raw", salt, { name: "HMAC", hash: "SHA-256" }, false, ["sign"])
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, data))
}

async function verifies(form, raw, algorithm, signature, message) {
  let key
  try {
    key = await crypto.subtle.importKey(form, raw, algorithm, false, ["verify"])
  } catch (error) {
    if (error.name === "NotSupportedError") throw new Unable(`this browser does not know ${algorithm.name}`)
    return false
  }
  return crypto.subtle.verify(algorithm, key, signature, message)
}

const ed25519 = (raw, signature, message) => verifies("raw", raw, { name: "Ed25519" }, signature, message)

// --- the file ------------------------------------------------------------------------------------------------------

function exactly(value, names, what) {
  need(value !== null && typeof value === "object" && !Array.isArray(value), `${what} is an object`)
  need(Object.keys(value).join() === names, `${what} has the members ${names}`)
  return value
}

function read(bytes) {
  let text, file
  try { text = strictly.decode(bytes); file = JSON.parse(text) } catch { throw new Wrong("not a proof: not JSON") }
  exactly(file, "format,about,vkey,entries", "a proof")
  need(file.format === FORMAT, `this page reads ${FORMAT}`)
  need([file.about, file.vkey].every(one => typeof one === "string") && Array.isArray(file.entries), "not a proof")
  const entries = file.entries.map(entry)
  need(JSON.stringify(file) === text, "a proof in another spelling than its own: a byte of it was changed")
  need(entries.length && entries.every((one, k) => !k || entries[k - 1].index < one.index),
    "its entries are not each there once, in their order")
  return { ...file, entries }
}

function entry(given) {
  exactly(given, "leaf,proof,parts,rows", "an entry")
  need(typeof given.leaf === "string" && typeof given.proof === "string", "not an entry")
  need(Array.isArray(given.parts) && Array.isArray(given.rows), "not an entry")
  const raw = utf8.encode(given.leaf)
  let said
  try { said = JSON.parse(given.leaf) } catch { throw new Wrong("a leaf is one JSON object") }
  need(said !== null && typeof said === "object" && typeof said.kind === "string", "a leaf is one JSON object")
  need(Number.isSafeInteger(said.at) && JSON.stringify(said) === given.leaf, "a leaf in another spelling than its own")
  const proof = inclusion(given.proof)
  const parts = given.parts.map(part => {
    exactly(part, "name,salt,data", "a part")
    return { name: part.name, salt: base64(part.salt), data: base64(part.data) }
  })
  const wanted = commitments(said)
  need(new Set(parts.map(part => part.name)).size === parts.length && parts.every(part => wanted.has(part.name)),
    `entry ${proof.index} has parts that it does not commit to`)
  const rows = given.rows.map(row => {
    exactly(row, "row,salt,data,path", "a row")
    need(Number.isSafeInteger(row.row) && row.row >= 0 && Array.isArray(row.path), "not a row")
    return { row: row.row, salt: base64(row.salt), data: base64(row.data), path: row.path.map(hash) }
  })
  need(!rows.length || said.kind === "act.decided.1", `entry ${proof.index} has rows and is no decision`)
  return { ...proof, leaf: given.leaf, raw, said, parts, rows, wanted }
}

const hash = text => {
  const raw = base64(text)
  need(raw.length === 32, "a hash has 32 bytes")
  return raw
}

function commitments(said) {
  const found = new Map()
  if (said.digest && WHY[said.kind] === "findings") found.set("action", { value: said.digest, plain: true })
  if (said.kind.startsWith("act.outcome.") && said.result) found.set("result", { value: said.result })
  if (Object.hasOwn(WHY, said.kind) && said.why) found.set(WHY[said.kind], { value: said.why })
  return found
}

// C2SP tlog-proof
function inclusion(text) {
  const cut = text.indexOf("\n\n")
  const lines = text.slice(0, cut).split("\n")
  const place = /^index (0|[1-9][0-9]{0,15})$/.exec(lines[1] ?? "")
  need(cut > 0 && lines[0] === HEADER && place, `a proof begins with ${HEADER} and the entry's index`)
  need(lines.length <= 65 && Number.isSafeInteger(Number(place[1])), "no log is that long")
  return { index: Number(place[1]), path: lines.slice(2).map(hash), note: text.slice(cut + 2) }
}

// --- the checkpoint (C2SP signed-note, tlog-checkpoint) ------------------------------------------------------------

async function logKey(vkey) {
  const match = /^([^+\s]+)\+([0-9a-f]{8})\+(.+)$/s.exec(vkey)
  need(match, "the log's key is spelled NAME+ID+KEY")
  const typed = base64(match[3])
  need(typed.length === 33 && typed[0] === 1, "the log's key is not an Ed25519 key")
  const id = (await sha256(join(utf8.encode(match[1]), [10], typed))).slice(0, 4)
  need(hex(id) === match[2], "the key's id is not that of its name and bytes")
  return { name: match[1], id, raw: typed.slice(1), vkey }
}

async function checkpoint(note, key) {
  const cut = note.lastIndexOf("\n\n")
  need(cut > 0 && note.endsWith("\n"), "a note ends in a blank line and signature lines")
  const text = note.slice(0, cut + 1)
  let good = 0
  for (const line of note.slice(cut + 2, -1).split("\n")) {
    const match = /^— ([^+\s]+) (\S+)$/.exec(line)
    need(match, "a signature line reads — NAME BASE64")
    const signed = base64(match[2])
    need(signed.length > 4, "a signature line reads — NAME BASE64")
    if (match[1] !== key.name || !same(signed.slice(0, 4), key.id)) continue
    need(await ed25519(key.raw, signed.slice(4), utf8.encode(text)), `the signature of ${key.name} does not verify`)
    good += 1
  }
  need(good, "no key that is trusted here signed the checkpoint")
  const [origin, size, root] = text.split("\n")
  need(origin === key.name, `a checkpoint of ${origin}, not of ${key.name}`)
  need(/^(0|[1-9][0-9]{0,15})$/.test(size) && Number.isSafeInteger(Number(size)), "a tree's size is a number")
  return { origin, size: Number(size), root: hash(root) }
}

// --- the tree (RFC 9162 §2.1.3.2) ----------------------------------------------------------------------------------

async function included(leaf, index, size, path, root) {
  need(index < size, "the entry is beyond the tree")
  let [fn, sn, found] = [index, size - 1, leaf]
  const half = () => { fn = Math.floor(fn / 2); sn = Math.floor(sn / 2) }
  for (const node of path) {
    need(sn > 0, "its path is too long")
    if (fn % 2 || fn === sn) {
      found = await sha256(join([1], node, found))
      while (fn % 2 === 0 && fn) half()
    } else {
      found = await sha256(join([1], found, node))
    }
    half()
  }
  need(sn === 0, "its path is too short")
  need(same(found, root), "its path does not lead to the root")
}

// --- what people signed --------------------------------------------------------------------------------------------

function message(answer, question, origin) {
  const flag = question.flag ?? ""
  const told = { asked: answer.of, by: answer.by, decision: answer.decision, digest: answer.digest }
  if (flag) told.flag = flag
  const whole = { ...told, head: answer.head, org: origin, until: answer.until }
  return utf8.encode(`standwatch/approval/${flag ? 2 : 1}\n${JSON.stringify(whole)}`)
}

function vouching(said, question, origin) {
  const { name: argument, of: asked, by, digest, head, run, until } = said
  const whole = { argument, asked, by, digest, flag: question.flag ?? "", head, org: origin, run, until }
  return utf8.encode(`standwatch/endorsement/1\n${JSON.stringify(whole)}`)
}

// The digest of one value of a canonical action; members of `value` stand in their order already.
async function valueDigest(action, argument) {
  const { arguments: all, nonce, run, tool } = JSON.parse(strictly.decode(action))
  need(Object.hasOwn(all, argument), `the action has no ${argument}`)
  const told = { argument, kind: "value.1", nonce, run, tool, value: all[argument] }
  return hex(await sha256(utf8.encode(JSON.stringify(told))))
}

async function signedBy(answer, over, enrolled) {
  if (!answer.sig.startsWith("webauthn:")) {
    need(answer.key.startsWith("ed25519:"), "the key is not an Ed25519 key")
    need(await ed25519(base64(answer.key.slice(8)), base64(answer.sig), over),
      `${answer.by} did not sign it: the signature is not that of the key in the entry`)
    return "that the key is theirs, the configuration says"
  }
  const made = JSON.parse(strictly.decode(base64url(answer.sig.slice(9))))
  const told = enrolled.find(one => one.credential === made.credential)
  need(told && told.person === answer.by && told.key === answer.key, "the enrolment of the passkey is not in this file")
  const [data, client] = [base64url(made.authenticatorData), base64url(made.clientDataJSON)]
  const about = JSON.parse(strictly.decode(client))
  need(about.type === "webauthn.get" && same(base64url(about.challenge), await sha256(over)), "other bytes were signed")
  need(about.origin === told.origin && !about.crossOrigin && !("topOrigin" in about), "it was made on another page")
  need(data.length === 37 && same(data.slice(0, 32), await sha256(utf8.encode(told.rp_id))), "made for another RP id")
  need((data[32] & 5) === 5 && Boolean(data[32] & 8) === Boolean(told.synced), "nobody was verified")
  const good = await passkey(base64(told.key.slice(8)), base64url(made.signature), join(data, await sha256(client)))
  need(good, "the signature is not that passkey's")
  return `with a passkey that ${told.by} vouched for`
}

function passkey(spki, signature, signed) {
  const kind = hex(spki.slice(0, 24))
  if (kind.includes("2a8648ce3d030107")) {
    const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }
    return verifies("spki", spki, algorithm, fixed(signature), signed)
  }
  if (kind.includes("06032b6570")) return verifies("spki", spki, { name: "Ed25519" }, signature, signed)
  return verifies("spki", spki, { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, signature, signed)
}

// An ECDSA signature in DER (r and s as integers) as WebCrypto wants it: 32 bytes each.
function fixed(der) {
  const numbers = []
  need(der[0] === 0x30 && der[1] === der.length - 2, "not an ECDSA signature")
  for (let at = 2; at < der.length; at += 2 + der[at + 1]) {
    need(der[at] === 2 && at + 2 + der[at + 1] <= der.length, "not an ECDSA signature")
    const number = der.slice(at + 2, at + 2 + der[at + 1])
    const bare = number[0] === 0 ? number.slice(1) : number
    need(bare.length <= 32, "not an ECDSA signature")
    numbers.push(join(new Uint8Array(32 - bare.length), bare))
  }
  need(numbers.length === 2, "not an ECDSA signature")
  return join(...numbers)
}

// --- the plan ------------------------------------------------------------------------------------------------------

// `{status, about, origin, size, root, steps: [{name, ok, text}], entries, limits}`; `ok` is null where this browser
// cannot tell. `vkey` is the log's key from somewhere the reader trusts, or "".
export async function check(bytes, vkey = "") {
  const steps = []
  const found = { status: "rejected", about: "", origin: "", size: 0, root: "", steps, entries: [], limits: LIMITS }
  const step = async (name, act) => {
    try {
      steps.push({ name, ok: true, text: await act() })
    } catch (error) {
      steps.push({ name, ok: error instanceof Unable ? null : false, text: error.message || "it cannot be read" })
    }
    return steps.at(-1).ok
  }
  let file, key, head
  if (!await step("file", async () => {
    file = read(bytes)
    key = await logKey(vkey || file.vkey)
    return `${file.entries.length} entries, read strictly`
  })) return found
  found.about = file.about
  if (!await step("checkpoint", async () => {
    need(new Set(file.entries.map(one => one.note)).size === 1, "its entries are proved under several checkpoints")
    need(key.vkey === file.vkey, "the file names another key than yours")
    head = await checkpoint(file.entries[0].note, key)
    const whose = vkey ? "a key you brought" : "the key in the file: compare it with one you trust"
    return `${head.size} entries, signed by ${key.name} with ${whose}`
  })) return { ...found, status: steps.at(-1).ok === null ? "unable" : "rejected" }
  Object.assign(found, { origin: head.origin, size: head.size, root: hex(head.root) })
  for (const each of file.entries) await one(each, head, step)
  await step("about", async () => about(file))
  for (const each of file.entries) {
    const part = each.parts.find(part => part.name === "action")
    if (part) await step(`the action of entry ${each.index}`, async () => action(each.said, part.data, head.origin))
  }
  await signatures(file.entries, head.origin, step)
  found.entries = file.entries
  const answers = steps.map(one => one.ok)
  found.status = answers.includes(false) ? "rejected" : answers.includes(null) ? "unable" : "verified"
  return found
}

async function one(each, head, step) {
  await step(`entry ${each.index}`, async () => {
    await included(await leafHash(each.raw), each.index, head.size, each.path, head.root)
    return `${each.said.kind} is in the log, by ${each.path.length} hashes`
  })
  for (const part of each.parts) {
    await step(`${part.name} of entry ${each.index}`, async () => {
      const { value, plain } = each.wanted.get(part.name)
      need(part.salt.length === (plain ? 0 : SALT), `a salt has ${SALT} bytes, and the action, which salts itself, none`)
      need(hex(plain ? await sha256(part.data) : await hmac(part.salt, part.data)) === value,
        "these are not the bytes that the entry commits to")
      return `${plain ? "SHA-256" : "HMAC-SHA-256"} as the entry says`
    })
  }
  for (const row of each.rows) {
    await step(`row ${row.row} of entry ${each.index}`, async () => {
      const leaf = await leafHash(await hmac(row.salt, row.data))
      await included(leaf, row.row, each.said.rows ?? 1, row.path, unhex(each.said.tree))
      return `one of ${each.said.rows ?? 1}, under the root that the entry names`
    })
  }
}

function about(file) {
  const [place, number, more] = file.about.split("/")
  let ident = file.about
  if (number !== undefined) {
    const found = file.entries.find(each => String(each.index) === place && each.said.kind === "act.decided.1")
    need(found && more === undefined && String(Number(number)) === number && /^[0-9]{1,9}$/.test(number)
      && Number(number) < (found.said.rows ?? 1) && found.rows.every(row => row.row === Number(number)),
      "the file is about something else than its entries")
    ident = found.said.id
  }
  const own = file.entries.filter(each => ident && each.said.id === ident)
  need(own.length, "the file is about something else than its entries")
  return `${file.about}: ${own.length} of its entries are here`
}

function action(said, data, origin) {
  const told = JSON.parse(strictly.decode(data))
  need(told.kind === "action.1", "not a canonical action")
  let { run = "", system, tool } = said
  if (said.kind === "act.denied.1") {
    run ||= told.run
    if (system === "?") system = told.system
    if (tool === "?") tool = told.tool
  }
  const pairs = { id: said.id, by: said.by, run, system, tool, org: origin }
  for (const [name, value] of Object.entries(pairs)) need(told[name] === value, "not the action that the entry names")
  return "canonical, and the one that the entry names"
}

async function signatures(entries, origin, step) {
  const of = kind => entries.filter(each => each.said.kind.startsWith(kind))
  const enrolled = of("ctl.enrolled.").map(each => each.said)
  const answers = new Map(of("act.answered.").map(each => [each.index, each.said]))
  const asked = one => of("act.asked.").find(each => each.index === one.of)
  for (const each of entries) {
    const { index, said } = each
    if (said.kind.startsWith("act.answered.")) await step(`answer of entry ${index}`, async () => {
      const question = asked(said)?.said
      need(question && question.id === said.id && question.digest === said.digest,
        "it does not answer a question of this file over the same digest")
      const whose = await signedBy(said, message(said, question, origin), enrolled)
      return `${said.decision} by ${said.by}, signed over the action's digest; ${whose}`
    })
    if (said.kind === "act.endorsed.1") await step(`endorsement of entry ${index}`, async () => {
      const question = asked(said)
      need(question && question.said.id === said.id && question.said.run === said.run, "it is about no question of this file")
      const action = question.parts.find(part => part.name === "action")
      need(!action || await valueDigest(action.data, said.name) === said.digest,
        `it is about another value of ${said.name} than was asked about`)
      const whose = await signedBy(said, vouching(said, question.said, origin), enrolled)
      return `${said.name} vouched for by ${said.by}, for this run; ${whose}`
    })
    if (said.kind === "act.unmasked.1") await step(`flag of entry ${said.of}`, async () => {
      const question = asked(said)?.said, word = utf8.encode(said.decoy ? "decoy" : "real")
      need(question && question.id === said.id && hex(await hmac(unhex(said.salt), word)) === question.flag,
        "that does not open the question's flag")
      const what = said.decoy ? "a decoy: nothing was to be carried out" : "a real question"
      return `the flag that was signed along opens: ${what}`
    })
  }
  for (const { index, said } of of("act.intent.").filter(each => (each.said.signed ?? -1) >= 0)) {
    await step(`approval of entry ${index}`, async () => {
      const last = answers.get(said.signed)
      const question = of("act.asked.").find(each => each.index === last?.of)?.said
      need(question && last.decision === "approve", `it rests on entry ${said.signed}, which is no approval in this file`)
      const counts = one => one.of === last.of && one.decision === "approve" && one.digest === said.digest
        && one.at <= said.at && said.at < one.until
      const people = new Set([...answers.values()].filter(counts).map(one => one.by))
      const text = `${people.size} of ${question.quorum ?? 1} people wanted approved the same digest, in time`
      need(people.size >= (question.quorum ?? 1), text)
      return text
    })
  }
}

// --- the page ------------------------------------------------------------------------------------------------------

const HIDDEN = /[\p{C}\p{Zl}\p{Zp}\u00ad\u034f\u115f\u1160\u3164\uffa0\u2800]|(?! )\p{Zs}/gu
const WORDS = { verified: "Verified", rejected: "Not what it claims to be", unable: "Not checked" }

function made(tag, text = "", kind = "") {
  const element = document.createElement(tag)
  element.textContent = text
  if (kind) element.className = kind
  return element
}

// Text of an agent or a server: what cannot be seen is named, as the macro `inert` does.
function inert(text, kind = "inert") {
  const whole = made("bdi", "", kind)
  let at = 0
  for (const match of text.matchAll(HIDDEN)) {
    if ("\n\t".includes(match[0])) continue
    const code = match[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0")
    whole.append(text.slice(at, match.index), made("span", `U+${code}`, "mark"))
    at = match.index + match[0].length
  }
  whole.append(text.slice(at))
  return whole
}

export function tell(place, found) {
  const list = made("ol", "", "steps")
  for (const { name, ok, text } of found.steps) {
    const item = made("li", "", ok ? "good" : ok === null ? "warn" : "bad")
    item.append(made("b", ok ? "ok" : ok === null ? "not checked" : "FAILED"), ` ${name}: `, inert(text, "name"))
    list.append(item)
  }
  const limits = made("ul", "", "dim")
  limits.append(...found.limits.map(one => made("li", one)))
  const word = made("p", WORDS[found.status], `verdict ${found.status}`)
  place.replaceChildren(word, list, made("p", "What this does not say:"), limits)
  if (found.status === "verified") place.append(shown(found.entries))
  place.dataset.status = found.status
}

function shown(entries) {
  const whole = made("details")
  whole.append(made("summary", "What was verified, from the bytes themselves"))
  for (const each of entries) {
    whole.append(made("h3", `Entry ${each.index}: ${each.said.kind}`))
    const parts = [["leaf", each.raw], ...each.parts.map(part => [part.name, part.data])]
    for (const [name, data] of [...parts, ...each.rows.map(row => [`row ${row.row}`, row.data])]) {
      const text = made("pre")
      text.append(inert(kindly.decode(data)))
      whole.append(made("p", name, "dim"), text)
    }
  }
  return whole
}

async function run(form) {
  const place = form.querySelector("output")
  place.replaceChildren(made("p", "Checking…"))
  try {
    const file = form.querySelector("input[type=file]")
    const bytes = file ? await file.files[0].arrayBuffer() : await fetched(form.dataset.proof)
    tell(place, await check(new Uint8Array(bytes), form.elements.vkey.value.trim()))
  } catch (error) {
    place.replaceChildren(made("p", `It could not be read: ${error.message}`, "problem"))
    place.dataset.status = "unable"
  }
}

async function fetched(url) {
  const answer = await fetch(url, { headers: { accept: "application/json" } })
  if (answer.ok) return answer.arrayBuffer()
  const problem = await answer.json().catch(() => ({}))
  throw new Error(problem.message ?? `the server answered ${answer.status}`)
}

for (const form of document.querySelectorAll("form.prove")) {
  form.hidden = false
  form.addEventListener("submit", event => { event.preventDefault(); run(form) })
}
