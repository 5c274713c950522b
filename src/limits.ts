/**
 * Every limit of the product in one place: its number, its unit and its reason.
 * Nothing a stranger can make grow (a buffer, a queue, a list, a wait) is without an entry here.
 * Octets unless the name says otherwise; times in milliseconds.
 */

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** What a POP3 server may send before it is cut off. RFC 1939 §3 gives 512 octets for a reply; real servers exceed that. */
export const POP3 = {
  /** A status line without its CRLF. */
  statusLine: 8 * KIB,
  /** Lines in the answer to CAPA (RFC 2449 §5). */
  capabilityLines: 64,
  /** Octets of the answer to CAPA: 64 lines of 512 (RFC 2449 §4). */
  capabilityOctets: 32 * KIB,
  /** Entries of one LIST or UIDL listing. */
  listingEntries: 1_000_000,
  /** Octets of one LIST or UIDL listing. */
  listingOctets: 64 * MIB,
  /** One unique-id. RFC 1939 §7 says 70; servers send 600 and more. */
  uidl: 1 * KIB,
  /** Octets of one TOP reply: a header block of 1 MiB and the few lines asked for. */
  topOctets: 1 * MIB + 256 * KIB,
  /** One message by RETR. Bounds a server that never ends. */
  messageOctets: 512 * MIB,
  /** One SASL challenge, base64 (RFC 5034 §4). */
  saslChallenge: 64 * KIB,
  /** Challenges in one SASL exchange. */
  saslRounds: 10,
  /** PBKDF2 rounds that a SCRAM server may ask for: the platform does no more. */
  scramIterations: 100_000,
  /** Blank lines tolerated before a status line (seen from Office 365 and hMailServer). */
  blankLines: 4,
  /** A command line with its CRLF (RFC 2449 §4). */
  commandLine: 255,
  /** Characters of server text that may reach JSON or a log. */
  serverText: 200,
} as const;

/** How many commands may be written before their replies are read (RFC 2449 §6.6), and what is learned from it. */
export const PIPELINE = {
  /** Commands without a reply: on a line of 40 ms 64 of them bound headers to 1,100 a second. */
  commands: 200,
  /** Their octets. Dovecot's input buffer is 2 KiB, and it stops reading while its output is blocked. */
  commandOctets: 2 * KIB,
  /** About how many octets of replies may be on their way: 100 MB/s at 40 ms; and commands that may be written whatever they bring. */
  replyOctets: 4 * MIB,
  commandsLeast: 2,
  /** What replies are taken to bring where nobody knows: one line, a header block, a listing or a message. */
  lineOctets: 128,
  topOctets: 16 * KIB,
  dataOctets: 64 * KIB,
  /** Octets of replies that are read away when a caller leaves before they came. Beyond it, closing is cheaper. */
  drainOctets: 1 * MIB,
  /** How long it is remembered that a server breaks at pipelined commands, loses those behind a login, or refuses CAPA. */
  brokenTime: 7 * 24 * 60 * MINUTE,
  /** How long a line that broke among pipelined commands is held against a server that has managed them before. */
  suspectTime: 24 * 60 * MINUTE,
  /** How long announced capabilities are believed before the server is asked again. */
  capabilitiesTime: 24 * 60 * MINUTE,
} as const;

/** Deadlines towards the mail server. Handed in through `Deps`, so that tests run with small ones. */
export interface Deadlines {
  /** TCP and TLS. */
  readonly connect: number;
  /** From the open connection to the greeting. */
  readonly greeting: number;
  /** From a command to the first octet of its reply. */
  readonly reply: number;
  /** Between two reads within one reply. */
  readonly chunk: number;
  /** From a login accepted to the first reply behind it, where it isn't known that the server keeps what is written there. */
  readonly behindLogin: number;
  /** The whole life of a session. */
  readonly session: number;
}

export const DEADLINES: Deadlines = {
  connect: 10 * SECOND,
  greeting: 15 * SECOND,
  reply: 30 * SECOND,
  chunk: 30 * SECOND,
  behindLogin: 4 * SECOND,
  session: 10 * MINUTE,
};

/** How much one read of the socket may bring: the platform's default reader hands out 4 KiB. */
export const READ_OCTETS = 256 * KIB;

/** What a message may hold before parsing stops (the rest becomes a `defects` entry). */
export const MIME = {
  parts: 1_000,
  depth: 64,
  /** Nested `message/rfc822` levels. */
  nestedMessages: 5,
  /** One header block, for parsing. */
  headerOctets: 256 * KIB,
  /** One header field. */
  fieldOctets: 64 * KIB,
  /** Header fields of one block. */
  fields: 2_000,
  /** How far a field's colon may be from its start. Real names are below 80; RFC 5322 §2.1.1 allows a line of 998. */
  fieldNameOctets: 998,
  /** A date; no real one is longer, and patterns need not be tried on more. */
  dateCharacters: 128,
  /** A multipart boundary (RFC 2046 §5.1.1 says 70). */
  boundaryOctets: 256,
  /** Text or HTML of one message before sanitizing. */
  bodyOctets: 256 * KIB,
  /** Element depth that the sanitizer is given; it is quadratic beyond. */
  htmlDepth: 100,
  /** An address in HTML: browsers and servers take about as much. A longer one is dropped. */
  addressCharacters: 8 * KIB,
  /** A `style` attribute, and the value of one declaration in it. A longer one is dropped. */
  styleCharacters: 8 * KIB,
  styleValueCharacters: 200,
  /** Octets of HTML in which a charset is looked for (WHATWG HTML §13.2.3.2). */
  sniffedOctets: 1 * KIB,
  /** A run of blanks in quoted-printable that may yet turn out to be none; a longer one is text, for RFC 2045 §6.7 allows no line above 76. */
  blanks: 128,
  /** Octets of a message that are read at once for a text. */
  rangeOctets: 64 * KIB,
  /** Characters of `preview`. */
  previewCharacters: 200,
  /** Addresses kept of one list member (`to`, `cc` …); `headers` of the whole message has them all. */
  addresses: 100,
  /** Entries kept of `references` and `inReplyTo`, the newest. */
  references: 50,
  /** Characters of one text of a list member: a subject, a name, an address, a message id. */
  textCharacters: 1_000,
  /** Characters of an attachment's file name. */
  filenameCharacters: 255,
  /** Characters of all file names and content ids of one outline, which is stored in one row. */
  outlineCharacters: 128 * KIB,
  /** Decoded octets of a part that are looked at for `preview`. */
  previewOctets: 64 * KIB,
  defects: 50,
} as const;

/** What the HTTP side accepts. */
export const HTTP = {
  /** A request's body. */
  bodyOctets: 256 * KIB,
  /** `limit` of a listing. */
  pageSize: 200,
  /** How long a request may take in all before it is answered 504. */
  requestTime: 25 * SECOND,
  /** How long a request may stand in the queue behind another transfer. */
  queueTime: 15 * SECOND,
  /** A path or query parameter, in characters. */
  parameterCharacters: 512,
  operatorKeyCharacters: 32,
  /** Entries of a problem's `errors`. */
  errors: 20,
  /** Entity tags of one If-Match or If-None-Match that are looked at. */
  entityTags: 50,
  /** `path` of a ticket, characters. */
  ticketPath: 1_024,
  /** Seconds that a ticket lives at most, and if nothing else is asked for. */
  ticketSecondsMost: 3_600,
  ticketSeconds: 300,
  /** Messages read, and deleted, by one call. */
  batchRead: 100,
  batchDelete: 1_000,
  /** `maxAge`, seconds: delta-seconds of RFC 9111 §1.2.2. */
  maxAge: 2 ** 31 - 1,
} as const;

/** What callers are told to wait where nobody knows better, seconds. */
export const RETRY_AFTER = {
  /** There is no room or no turn for it now; soon there will be. */
  busy: 5,
  /** The mail server has turned us away, or refused a message, and didn't say for how long. */
  upstream: 60,
} as const;

/** What one Mailbox keeps and does. */
export const MAILBOX = {
  /** Message octets are sealed and stored in rows of this size. */
  rowOctets: 256 * KIB,
  /** Default of `cache.maxBytes`, and the most it can be set to. */
  cacheOctets: 64 * MIB,
  cacheOctetsMost: 1024 * MIB,
  /** Default of `cache.maxMessageBytes`. */
  cacheMessageOctets: 16 * MIB,
  /** Octets of short messages that are held in clear for those who wait for them. */
  freshOctets: 2 * MIB,
  /** Octets of messages above the cache's cap that are held for their readers. */
  scratchOctets: 512 * MIB,
  /** How long after the last read such a message stays. */
  scratchTime: 10 * MINUTE,
  /** How long a session that a request opened is kept for the next one. */
  linger: 4 * SECOND,
  /** How often a job is begun again in a new session, and a session because of what the server can't take: there are three such things. */
  jobRetries: 3,
  quirkRetries: 3,
  /** Jobs that may wait for the session, and how long background work may. */
  queuedJobs: 100,
  backgroundQueueTime: 5 * MINUTE,
  /** Jobs that may go ahead of background work that waits, and replies that it leaves outstanding while it works. */
  bypassedMost: 8,
  backgroundWindow: 16,
  /** The same while it reads ahead: whoever turns the page soon waits for just that. */
  readAheadWindow: 64,
  /** Messages whose numbers are confirmed together, and messages fetched before another job has its turn. */
  fetchedAtOnce: 100,
  fetchedInTurn: 800,
  /** Messages that may wait to be fetched: as many as the jobs that may wait would ask for. */
  fetchesWaiting: 10_000,
  /** Ledger rows in one SQL statement, and statements of new ones in one transaction. */
  batchRows: 5_000,
  batchesAtOnce: 8,
  /** New messages, neighbours in a listing, whose ids begin alike. */
  idsInGroup: 2_048,
  /** The newest messages whose headers are fetched without being asked for. */
  indexedMessages: 1_000,
  /** New messages indexed before a listing answers, and how long that may take. */
  indexedAtOnce: 200,
  indexedAtOnceTime: 10 * SECOND,
  /** Rows indexed in one transaction, and the octets of their headers from which on it is made. */
  indexBatch: 50,
  indexBatchOctets: 512 * KIB,
  /**
   * Messages whose numbers are guessed by rank and confirmed one by one; for more, all are listed. Where a server takes many
   * commands at once a page of a large mailbox is confirmed so too, if it is at most this part of it, and what the session has
   * confirmed so far is at most that.
   */
  guessedNumbers: 4,
  guessedNumbersMost: 400,
  guessedPart: 10,
  guessedSum: 50,
  /** Body lines asked for by TOP, for the preview. */
  previewLines: 40,
  /** Tokens of one account. */
  tokens: 1_000,
  /** Events kept of one account, and messages named by one of them. */
  events: 1_000,
  eventMessages: 100,
  /** What `stats` shows: days, the largest messages, the senders of most messages. */
  statsDays: 30,
  statsLargest: 10,
  statsSenders: 10,
  /** Checkpoints of one account. */
  checkpoints: 100,
  /** Tries of one delete intent. */
  deleteTries: 3,
  /** Messages whose unconfirmed deletion is asked for again at the end of one sync. */
  deletionsAskedAgain: 1_000,
  /** Messages read by one call: the octets of JSON in all, what of them is set aside for each problem, and the time. */
  batchOctetsMost: 8 * MIB,
  batchProblemOctets: 2 * KIB,
  batchTime: 20 * SECOND,
  /** Refused logins without a response code before the account is `auth_failed`, and their least distance. */
  refusedLogins: 3,
  refusedLoginDistance: 60 * SECOND,
  /**
   * How long the alarm waits where no time is due: after a bug, or indexing that got nowhere; and while the configuration is wrong
   * or lacks the master key. How polls wait after failures is in `BACKOFF`.
   */
  backoffFirst: 1 * MINUTE,
  backoffMost: 60 * MINUTE,
  /** The shortest wait before the alarm rings again. */
  alarmLeast: 500,
  /** How long a session that is given up may take to answer QUIT before it is closed. */
  quitTime: 5 * SECOND,
  /** Octets of one bulk parameter; the platform's bound is 2 MB. */
  batchOctets: 1 * MIB,
  /** Copies looked at in one round of making room. */
  evictionBatch: 100,
  /** How much later than the truth the time of a copy's last read may be, to spare a write for each read. */
  touchAfter: 1 * MINUTE,
  /** Sources of one message's HTML that become tickets: each makes the HTML some 200 characters longer. */
  ticketedSources: 500,
  /**
   * Tickets in HTML end together with the second of these spans, so that each is good for one at least and the same
   * HTML comes out within one.
   */
  ticketSpan: 15 * MINUTE,
  /** Octets that an attachment is recognised by. */
  magicOctets: 64,
  /** Default of `pollSeconds`. */
  pollSeconds: 300,
  /** The shortest distance of two polls by alarm, on average, seconds. */
  pollSecondsLeast: 60,
  /** The longest: a month. Above it, `0` (no polls) says what is meant. */
  pollSecondsMost: 30 * 24 * 60 * 60,
  /** A mailbox with fewer messages may lose most of them without a second look. */
  suspectLeast: 20,
  /** How long a message must have been missing before a second listing is believed that it is gone. */
  suspectTime: 30 * SECOND,
  /** How long STAT and one UIDL are taken for the whole listing. */
  fullListingEvery: 24 * 60 * MINUTE,
  /** New messages that are asked for one by one rather than by a full listing: in one flight, and without pipelining. */
  grownMost: 400,
  grownMostAlone: 4,
  /** UIDLs sealed together, where at least so many come at once; and packs of them held open. */
  packedUidls: 100,
  openPacks: 32,
  /** Tombstones forgotten by one sync. */
  pruneBatch: 5_000,
  /** How long removed messages are remembered, and at least how many. */
  tombstoneTime: 90 * 24 * 60 * MINUTE,
  tombstones: 100_000,
} as const;

/** Recognising messages whose UIDLs have changed. Parts of 1, and counts. */
export const RECOGNITION = {
  /** How much of the ledger must be gone, and of the listing new, and how far their numbers may be apart. */
  changedPart: 0.8,
  sizeDrift: 0.2,
  /** How much of the ledger must be found by the order of sizes, or by headers. */
  sizesPart: 0.95,
  headersPart: 0.9,
  /** Headers read to confirm what the sizes say; and how many different sizes do without, where no header was ever read. */
  sample: 20,
  distinctSizes: 20,
  /** Messages whose headers are read where the sizes say nothing. */
  headersMost: 10_000,
  /** Messages under doubtful UIDLs whose headers one sync reads, and pairs of them that are compared one by one. */
  doubtfulMost: 500,
  comparedMost: 10_000,
  /** Characters of Message-ID and Date together of one of them. */
  identityCharacters: 4_000,
} as const;

/**
 * How long polls by alarm wait after failures in a row, by what failed: the first wait, by what each further one grows, and the
 * longest. Never less than a server said itself.
 */
export const BACKOFF = {
  /** Another session holds the maildrop: it is seldom long. */
  inUse: { first: 60 * SECOND, growth: 1.5, most: 5 * MINUTE },
  /** A login delay that the server doesn't name. */
  loginDelay: { first: 60 * SECOND, growth: 2, most: 15 * MINUTE },
  /** A passing fault, by the server's own word. */
  temporary: { first: 2 * MINUTE, growth: 2, most: 30 * MINUTE },
  /** The server can't be reached, breaks off, or refuses without saying why. */
  unreachable: { first: 1 * MINUTE, growth: 2, most: 60 * MINUTE },
  /** A fault that wants a person, by the server's own word, or a target that this deployment doesn't allow. */
  permanent: { first: 60 * MINUTE, growth: 2, most: 12 * 60 * MINUTE },
} as const;

/** The longest wait between two logins that a server's word is taken for. */
export const LOGIN_DELAY_MOST = 24 * 60 * MINUTE;

/** What alarms do at one mail host at the same time. Its own limit for one address is often ten or so connections. */
export const LOGINS = {
  /** Logins at once. */
  atOnce: 4,
  /** A login that takes longer counts no more. */
  turnTime: 60 * SECOND,
  /** Polls that wait for their turn, and for how long. */
  waiting: 200,
  waitTime: 8 * SECOND,
  /** How long the answer may take to whether there is a turn, before a poll goes without. */
  answerTime: 10 * SECOND,
  /** When one that had no turn comes again: from, and up to. */
  againFrom: 5 * SECOND,
  againTo: 15 * SECOND,
} as const;

/** How polls by alarm are spread. */
export const POLL = {
  /** How far an account's own interval may be from what was asked for, as a part of it. */
  jitter: 0.1,
  /** How much later than it must be the second look at a listing is that was not believed: its session begins a little late. */
  suspectSlack: 5 * SECOND,
  /** How long such looks follow one another in a hurry. A server that is never of one mind is polled like any other from then on. */
  suspectFor: 10 * MINUTE,
  /** What `auto` chooses from, seconds. */
  autoSteps: [60, 120, 300, 600, 1200, 1800],
  /** How many polls there are, about, for each listing that brings something. */
  autoPerMessage: 4,
  /** The newest messages that are looked at for that, and the newest listings that brought them. */
  autoMessages: 64,
  autoListings: 8,
} as const;

/** Waiting for changes. */
export const WAIT = {
  /** The longest that a caller may ask for, seconds. A request has no more time than that. */
  secondsMost: 25,
  /** How often the account's object is asked for those who wait, on average. An answer is late by this, not by more. */
  interval: 2 * SECOND,
  /** How far one of these waits may be from the average, as a part of it: many who wait must not ask all at once. */
  jitter: 0.2,
  /** How often the mail server is asked while anyone waits, or as seldom as its login delay demands. */
  askEvery: 60 * SECOND,
  /** What is left of a request's time, at least, for the answer to a wait that ends late. */
  answerTime: 1 * SECOND,
} as const;

/** Sizes of names and texts that callers give, in characters. */
export const NAMES = {
  externalId: 128,
  email: 320,
  username: 320,
  password: 4_096,
  accessToken: 16_384,
  host: 253,
  label: 128,
  checkpoint: 64,
  origins: 20,
  scopes: 4,
} as const;

/** What SQLite in a Durable Object takes; not enforced by local workerd, so enforced by `mailbox/sql.ts`. */
export const SQL = {
  /** Bound parameters of one statement; bulk goes through `json_each`. */
  parameters: 100,
  /** Octets of one string or blob. The platform's bound is 2 MB. */
  valueOctets: 2_000_000,
  /** Characters of one statement. */
  statementCharacters: 100_000,
} as const;

/** Names and rounds of what is sealed and signed. */
export const CRYPTO = {
  /** Characters of a key's name; its length is one octet of the envelope. */
  kid: 32,
  /** Sub-keys kept derived. Labels are constants of the program, so this is never reached. */
  subKeys: 64,
  /** Texts that are hashed side by side: 16 octets of each are held twice. */
  textsAtOnce: 16_384,
  /** Rounds of drawing random characters. One round leaves 1 in 32 to be drawn again; a working source never needs five. */
  drawRounds: 32,
} as const;

/** Looking names up. */
export const DNS = {
  /** Octets of a resolver's answer. A name with hundreds of addresses has less. */
  answerOctets: 64 * KIB,
  /** Both questions together, milliseconds. */
  deadline: 5 * SECOND,
  /** Characters of the resolver's URL. */
  urlCharacters: 1_024,
} as const;

/** How often one token may call: so many at once, and so many in the long run. */
export const RATE = {
  burst: 600,
  perMinute: 1_200,
  /** The period of AUTH_FAILURES in wrangler.toml, seconds: when somebody who was refused for too many failures may try again. */
  failuresPeriod: 60,
} as const;

/** A look into a maildrop without an account. */
export const PEEK = {
  messages: 50,
  /** Octets of one message that are held and looked at; of a longer one `full` reads the headers too. */
  messageOctets: 1 * MIB,
} as const;

/** What a diagnosis shows, and how long it looks behind a connection that failed. */
export const DIAGNOSIS = {
  /** Lines of the transcript, and characters of one of them with its mark. */
  lines: 100,
  lineCharacters: 200,
  /** Lines shown of the answer to CAPA, and of any other data. The rest is counted. */
  capabilityLines: 20,
  dataLines: 3,
  /** How long a port that takes no TLS is given to answer without. */
  probeTime: 5 * SECOND,
  /** Unique-ids that are compared with one another. */
  uidls: 20_000,
} as const;

/** What the Directory keeps. */
export const DIRECTORY = {
  /** How long a reservation holds its `externalId` without its Mailbox having been confirmed. Far above a request's time. */
  reservationTime: 10 * MINUTE,
  /** How long a change of an account's identity keeps others out without having ended. Above a request's time. */
  proposalTime: 1 * MINUTE,
} as const;

/** What the cron trigger does: each run some of what is due, the rest the next ones. */
export const SWEEP = {
  /** Entries settled, and accounts visited, by one run. Each costs a few calls to objects, of which a run has about 1,000. */
  settled: 50,
  visited: 500,
  /** Accounts whose visits are made and told to the Directory together. */
  atOnce: 10,
  /** When an account is visited again: after a visit; and after one that came to nothing, or where another's alarm was lost. */
  visitAfter: 20 * 60 * MINUTE,
  visitAgainAfter: 60 * MINUTE,
  /** A run that has taken so long begins nothing more. */
  time: 5 * MINUTE,
} as const;

/** Entries of the lists in the configuration, and the longest linger that it may ask for. */
export const CONFIG = {
  operatorKeys: 16,
  masterKeys: 16,
  corsOrigins: 100,
  /** An open socket keeps the object in memory, billed, and the maildrop locked: seconds, not minutes. */
  sessionLingerMs: 60 * SECOND,
} as const;
