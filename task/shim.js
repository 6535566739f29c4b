'use strict';

// Finds a Python on the agent and hands the whole step over to it: `python -I -S -X utf8 -u main.py 3`.
// Node.js 10 must be able to read this file, so it keeps to ES2018 and to Node's own modules.
//
// The search ends with the first Python that says on file descriptor 3 that it begins with the task.
// Whatever ends before has done nothing, and the next one is tried.

const childProcess = require('child_process');
const fs = require('fs');
const path = require('path');

const OLDEST_PYTHON = [3, 10];
const MOST_STARTS = 8;
const MOST_NAMED = 12; // of the Pythons that are passed over, in an error
// Until one Python begins, for all of them together, and for what a Python does that has begun: its own
// deadline is 60 seconds, but a computation that nothing can interrupt does not look at that.
const SECONDS = { start: 20, search: 60, run: 300 };
const KILL_SECONDS = 2; // until what was killed counts as gone, whatever holds it
const PIPE_SECONDS = 1; // until what an ended Python said must be here
const MAIN = path.join(__dirname, 'main.py');
const ISOLATED = ['-I', '-S', '-X', 'utf8', '-u', MAIN];
// What the task may store for each client, whatever the indexes are called; as clients/*.py.
const PIP = ['PIP_INDEX_URL', 'PIP_EXTRA_INDEX_URL'];
const UV = ['UV_DEFAULT_INDEX', 'UV_INDEX'];
const POETRY = ['URL', 'USERNAME', 'PASSWORD'].map((part) => {
  return `POETRY_${part === 'URL' ? 'REPOSITORIES' : 'HTTP_BASIC'}_PIP_AUTHENTICATE_${part}`;
});
const VARIABLES = {
  pip: PIP,
  uv: UV.concat('UV_PUBLISH_USERNAME', 'UV_PUBLISH_PASSWORD', 'NETRC'),
  poetry: POETRY.concat('NETRC'),
  pdm: ['PDM_PUBLISH_USERNAME', 'PDM_PUBLISH_PASSWORD', 'NETRC'],
  pipenv: ['PIPENV_PYPI_MIRROR', 'NETRC'],
  hatch: PIP.concat(UV, 'HATCH_INDEX_REPO', 'HATCH_INDEX_USER', 'HATCH_INDEX_AUTH', 'NETRC'),
  twine: ['PYPIRC_PATH'],
  netrc: ['NETRC'],
  docker: ['PIP_AUTHENTICATE_NETRC'],
};
const OUTPUT_FAILED = 3; // exit code of a Python that could not write all it had to say
const MUTE = 87; // exit code of main.py where it is asked to say that it begins, and cannot
const FAILED = 'Failed to add authentication.';
const REMEDY =
  "Add this step before this one: `- task: UsePythonVersion@0` with `inputs: { versionSpec: '3.x' }`. " +
  'In a container job, use an image that has Python 3.10 or newer.';

// What an exit code says of a program that did not begin with the task.
const UNFIT_EXITS = new Map([
  [86, 'older than Python 3.10'],
  [88, "lacks a module of Python's standard library"],
  [2, 'ended with exit code 2, as Python 2 does'],
  [126, 'cannot be run: exit code 126'],
  [127, 'runs no Python: exit code 127, as of a version manager without a version'],
  [9009, 'runs no Python: exit code 9009, as of the Microsoft Store placeholder'],
]);
const LAUNCHER_UNFIT_EXITS = new Map([[103, 'knows no Python 3: exit code 103']]);

// Failures to start that another Python would meet just the same.
const EXHAUSTED = new Set(['E2BIG', 'EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM']);

// Folders of a job, into which its sources and its steps write: what lies there is no program of the machine.
const JOB_FOLDERS = [
  'AGENT_BUILDDIRECTORY',
  'AGENT_RELEASEDIRECTORY',
  'AGENT_TEMPDIRECTORY',
  'BUILD_ARTIFACTSTAGINGDIRECTORY',
  'BUILD_BINARIESDIRECTORY',
  'BUILD_REPOSITORY_LOCALPATH',
  'BUILD_SOURCESDIRECTORY',
  'BUILD_STAGINGDIRECTORY',
  'COMMON_TESTRESULTSDIRECTORY',
  'PIPELINE_WORKSPACE',
  'SYSTEM_ARTIFACTSDIRECTORY',
  'SYSTEM_DEFAULTWORKINGDIRECTORY',
];

// Every step can set variables of the job, and thereby any name in the environment. Of those the child gets
// what the task reads, and which version of Python pyenv takes; nothing that other programs may obey.
const READ_BY_THE_TASK = new RegExp(
  '^(?:(?:AGENT|AZURE|BUILD|ENDPOINT|INPUT|PIP|PIPELINE|RELEASE|SECRET|SYSTEM|TASK|VSTS)_.*' +
    '|(?:HTTP|HTTPS|NO)_PROXY|NODE_EXTRA_CA_CERTS' +
    '|UV_(?:DEFAULT_INDEX|INDEX|PUBLISH_URL|PUBLISH_USERNAME|PUBLISH_PASSWORD)' +
    '|POETRY_(?:HTTP_BASIC|REPOSITORIES)_\\w+_(?:URL|USERNAME|PASSWORD)' +
    '|PDM_(?:PYPI_URL|PUBLISH_REPO|PUBLISH_USERNAME|PUBLISH_PASSWORD)' +
    '|TWINE_(?:REPOSITORY_URL|USERNAME|PASSWORD)|HATCH_INDEX_(?:REPO|USER|AUTH)' +
    '|PIPENV_PYPI_MIRROR|NETRC|PYPIRC_PATH' +
    '|TF_BUILD|PYENV_VERSION)$'
);

// Withheld wherever it comes from, by name and value.
const WITHHELD = [
  /^(?:ENV|ZDOTDIR|BASH_[^=]*|SHELLOPTS|BASHOPTS|PS4|IFS|CDPATH|FPATH)=/, // a shell runs it, or traces to the log
  /^_?PYENV_(?!VERSION=[^/\\]*$)/, // hooks, traces, other folders; its programs know their own
  /^(?:PYTHON|PY_|PYLAUNCHER_|__PYVENV_LAUNCHER__=|VIRTUAL_ENV=)/, // isolation is not for launchers and wrappers
  /^(?:LD|DYLD)_(?!LIBRARY_PATH=)/, // libraries loaded into every program; the machine's own path may be needed
  /^(?:GCONV_PATH|LOCPATH|NLSPATH|GLIBC_TUNABLES|MALLOC_[^=]*)=/, // the C library loads or does it
  /^(?:OPENSSL_[^=]*|SSLKEYLOGFILE)=/, // engines are code, a key log opens every connection
  /^NODE_(?!EXTRA_CA_CERTS=)/, // code and traces for a wrapper in JavaScript
  /^(?:PERL5|RUBY)[^=]*=/, // code for wrappers in other languages
];

// ---- what the agent reads ----------------------------------------------------------------------

/** Text from outside as one line that the agent cannot take for a command. */
function harmless(text) {
  return String(text)
    .replace(/(?! )[\p{C}\p{Z}]/gu, (character) => {
      return '\\u' + character.codePointAt(0).toString(16).padStart(4, '0');
    })
    .replace(/##(?=vso\[|\[)/gi, '# #');
}

/** Command data in a form that every agent shows alike: it decodes four sequences, in upper case only. */
function escapeData(text) {
  const harmlessPercents = text.replace(/%(?:0D|0A|3B|5D)/g, (sequence) => sequence.toLowerCase());
  return harmlessPercents.replace(/\r/g, '%0D').replace(/\n/g, '%0A');
}

function escapeProperty(text) {
  return escapeData(text).replace(/\]/g, '%5D').replace(/;/g, '%3B');
}

/** Writes one line to the agent, whole; the exit code tells where that fails. */
function say(line) {
  const bytes = Buffer.from(`${line}\n`);
  try {
    for (let written = 0; written < bytes.length; ) {
      written += writeSome(bytes, written);
    }
  } catch (error) {
    process.exitCode = 1;
  }
}

function writeSome(bytes, start) {
  try {
    return fs.writeSync(1, bytes, start);
  } catch (error) {
    if (error.code !== 'EAGAIN') {
      throw error;
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10); // milliseconds, for a slow reader
    return 0;
  }
}

/** Whether nobody can read the output: Node puts the null device in the place of a closed one. */
function isOutputLost() {
  try {
    const output = fs.fstatSync(1);
    return output.isCharacterDevice() && output.rdev === fs.statSync('/dev/null').rdev;
  } catch (error) {
    return false; // a system without such a device
  }
}

function command(name, properties, data) {
  const written = Object.keys(properties).map((key) => `${key}=${escapeProperty(properties[key])};`);
  const head = [name].concat(written.length ? [written.join('')] : []).join(' ');
  say(`##vso[${head}]${escapeData(harmless(data))}`);
}

function debug(text) {
  command('task.debug', {}, text);
}

/** The variables that hold what an earlier run of this task stored, by the digests that it left; as settings.py. */
function stored(env) {
  const words = (env.SECRET_PIP_AUTHENTICATE_STORED || '').split(' ');
  const pairs = words.map((word) => /^([^=]*)=([0-9a-f]{64})$/.exec(word)).filter(Boolean);
  const remembered = new Map(pairs.map((pair) => [pair[1], pair[2]]));
  return Array.from(remembered.keys()).filter((name) => env[name] && remembered.get(name) === digest(env[name]));
}

/** The variables that this run may have stored before it broke off, and those of an earlier one. */
function perhapsStored(env) {
  const words = (env.INPUT_CLIENTS || '').toLowerCase().split(/[,\r\n]/);
  const clients = words.map((word) => word.replace(/["']/g, '').trim()).filter((name) => VARIABLES.hasOwnProperty(name));
  const lists = (clients.length ? clients : ['pip']).map((name) => VARIABLES[name]);
  return Array.from(new Set([].concat(...lists, stored(env))));
}

function digest(text) {
  const crypto = require('crypto'); // takes time, and is seldom needed
  return crypto
    .createHash('sha256')
    .update(text, 'utf8')
    .digest('hex');
}

/** Begins a line of its own, whatever an ended Python left half-written, and empties variables. */
function erase(variables) {
  say('');
  for (const variable of variables) {
    command('task.setvariable', { variable, issecret: 'false' }, '');
  }
}

function fail(text, variables) {
  erase(variables);
  command('task.logissue', { type: 'error' }, text);
  command('task.complete', { result: 'Failed' }, FAILED);
}

function sayCanceled(variables) {
  erase(variables);
  command('task.complete', { result: 'Canceled' }, 'Adding authentication was canceled.');
}

// ---- where a Python may be ---------------------------------------------------------------------

function isProgram(file, platform) {
  try {
    if (!fs.statSync(file).isFile()) {
      return false;
    }
    if (platform !== 'win32') {
      fs.accessSync(file, fs.constants.X_OK);
    }
    return true;
  } catch (error) {
    return platform === 'win32' && isStoreAlias(file);
  }
}

/** Windows' app execution aliases can be started, but not be looked into. */
function isStoreAlias(file) {
  try {
    return inStoreFolder(file) && Boolean(fs.lstatSync(file));
  } catch (error) {
    return false;
  }
}

function inStoreFolder(folder) {
  return /[\\/]Microsoft[\\/]WindowsApps([\\/]|$)/i.test(folder);
}

function listFolder(folder) {
  try {
    return fs.readdirSync(folder).sort();
  } catch (error) {
    return [];
  }
}

/** PATH's absolute folders; a relative one would mean the sources that are being built. */
function pathFolders(platform, env) {
  const windows = platform === 'win32';
  const folders = (env.PATH || '')
    .split(windows ? ';' : ':')
    .map((folder) => (windows ? folder.replace(/^"(.*)"$/, '$1') : folder))
    .filter((folder) => path.isAbsolute(folder));
  if (!windows) {
    return folders;
  }
  return folders.filter((folder) => !inStoreFolder(folder)).concat(folders.filter(inStoreFolder));
}

/** A tool directory's folder name as numbers, or null if it names no Python that would do. */
function parseVersion(name) {
  const match = /^(\d+)\.(\d+)(?:\.(\d+))?(-.*)?$/.exec(name);
  if (!match) {
    return null;
  }
  const numbers = [Number(match[1]), Number(match[2]), Number(match[3] || 0)];
  const fits = numbers[0] === OLDEST_PYTHON[0] && numbers[1] >= OLDEST_PYTHON[1];
  return fits ? { name, numbers, preview: Boolean(match[4]) } : null;
}

/** Orders releases before previews and newer before older. */
function newestFirst(one, other) {
  if (one.preview !== other.preview) {
    return one.preview ? 1 : -1;
  }
  const differing = one.numbers.findIndex((number, place) => number !== other.numbers[place]);
  if (differing >= 0) {
    return other.numbers[differing] - one.numbers[differing];
  }
  return one.name < other.name ? 1 : -1;
}

/** The installations below one version's folder, this machine's own architecture first. */
function installations(folder) {
  const own = process.arch === 'ia32' ? 'x86' : process.arch;
  const names = listFolder(folder);
  return names
    .filter((name) => !name.endsWith('.complete'))
    .sort((one, other) => Number(other === own) - Number(one === own))
    .map((name) => ({ folder: path.join(folder, name), finished: names.includes(`${name}.complete`) }));
}

/** The Pythons in the agent's tool directory: those marked as finished, then the others. */
function toolDirectoryPrograms(platform, env) {
  if (!path.isAbsolute(env.AGENT_TOOLSDIRECTORY || '')) {
    return [];
  }
  const root = path.join(env.AGENT_TOOLSDIRECTORY, 'Python');
  const names = platform === 'win32' ? ['python.exe'] : ['bin/python3', 'bin/python'];
  const versions = listFolder(root).map(parseVersion).filter(Boolean).sort(newestFirst);
  const all = [].concat(...versions.map((version) => installations(path.join(root, version.name))));
  const ordered = all.filter((one) => one.finished).concat(all.filter((one) => !one.finished));
  return [].concat(...ordered.map((one) => names.map((name) => path.join(one.folder, name))));
}

/** Every Python that can be seen, the one to try first at the head; nothing is started for this. */
function* candidates(platform, env) {
  const names = platform === 'win32' ? ['python.exe'] : ['python3', 'python'];
  const folders = pathFolders(platform, env);
  const found = (files) => files.filter((file) => isProgram(file, platform));
  for (const folder of folders) {
    yield* found(names.map((name) => path.join(folder, name))).map((file) => ({ file, options: [] }));
  }
  if (platform === 'win32') {
    const launchers = found(folders.map((folder) => path.join(folder, 'py.exe')));
    yield* launchers.map((file) => ({ file, options: ['-3'], launcher: true }));
  }
  yield* found(toolDirectoryPrograms(platform, env)).map((file) => ({ file, options: [] }));
}

function realPath(file) {
  try {
    return fs.realpathSync.native(file);
  } catch (error) {
    return file;
  }
}

/** What one start is enough for: a program, or a virtual environment, which may be broken by itself. */
function identityOf(file) {
  const folder = path.dirname(file);
  const isEnvironment = [folder, path.dirname(folder)].some((place) => fs.existsSync(path.join(place, 'pyvenv.cfg')));
  return realPath(isEnvironment ? folder : file);
}

function isInside(folder, file) {
  const way = path.relative(folder, file);
  return way !== '..' && !way.startsWith(`..${path.sep}`) && !path.isAbsolute(way);
}

/** The agent's work folder, told by where it puts tasks, which no step can change; null elsewhere. */
function workFolder() {
  const tasks = path.dirname(path.dirname(__dirname));
  return path.basename(tasks) === '_tasks' ? path.dirname(tasks) : null;
}

/** A function that names the job's folder in which a path really lies, or gives undefined. */
function closedPlaces(env) {
  const work = workFolder();
  const named = JOB_FOLDERS.map((name) => env[name] || '').concat(process.cwd(), work || []);
  const places = named
    .filter((folder) => path.isAbsolute(folder))
    .map(realPath)
    .filter((folder) => folder !== path.parse(folder).root); // it would close the whole machine
  const tools = work && realPath(path.join(work, '_tool'));
  return (file) => {
    const real = realPath(file);
    return tools && isInside(tools, real) ? undefined : places.find((place) => isInside(place, real));
  };
}

// ---- what it inherits --------------------------------------------------------------------------

/** An environment's name for a variable of the job. */
function environmentName(variable) {
  return String(variable)
    .replace(/[. ]/g, '_')
    .toUpperCase();
}

/** The names of the job's variables; the agent writes the list after them. */
function jobVariables(env) {
  try {
    return JSON.parse(env.VSTS_PUBLIC_VARIABLES).map(String);
  } catch (error) {
    return [];
  }
}

/**
 * A variable's name that holds a value, or null.
 *
 * The agent writes `name=value` and checks no name, variables before inputs and connections, and of several
 * entries the first one counts: the name `INPUT_X=evil` would take the place of the input. One that hides the
 * list of names in this way leaves its equals sign in there.
 */
function forgedName(env) {
  const names = jobVariables(env).concat(env.VSTS_PUBLIC_VARIABLES || '');
  return names.find((name) => name.includes('=')) || null;
}

/** The environment without what makes programs run, load or log something for a stranger. */
function inheritance(platform, env, closedPlace) {
  const settable = new Set(jobVariables(env).map(environmentName));
  const kept = {};
  for (const key of Object.keys(env)) {
    const name = environmentName(key);
    const isForeign = settable.has(name) && !READ_BY_THE_TASK.test(name);
    if (!isForeign && !WITHHELD.some((family) => family.test(`${name}=${env[key]}`))) {
      kept[key] = env[key];
    }
  }
  // A wrapper's shell and helpers are looked up there, too.
  for (const key of Object.keys(env).filter((one) => one.toUpperCase() === 'PATH')) {
    delete kept[key];
  }
  const folders = pathFolders(platform, env).filter((folder) => !closedPlace(folder));
  return Object.assign(kept, { PATH: folders.join(platform === 'win32' ? ';' : ':') });
}

// ---- running it --------------------------------------------------------------------------------

/** Sends a signal to a Python and to whatever a wrapper around it has started. */
function kill(child, signal) {
  try {
    if (process.platform === 'win32') {
      child.kill(signal);
    } else {
      process.kill(-child.pid, signal); // it leads a process group of its own
    }
  } catch (error) {
    // It is gone.
  }
}

/** Passes the agent's request to stop on to a Python that has begun, ends another one, and remembers it. */
function watchSignals() {
  const watch = { asked: [], hasBegun: false, stop: null };
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      watch.asked.push(signal);
      if (watch.stop) {
        watch.stop(signal);
      }
    });
  }
  return watch;
}

/**
 * Starts one Python and waits for its end.
 *
 * Gives {error} if it could not be started, or else {code, signal, hasBegun, waited, wasStopped}: how it ended,
 * whether it had begun with the task, and whether it was killed on request or after so many seconds: `seconds`
 * without having begun, `limit` without an end.
 */
function start(candidate, env, watch, seconds, limit, isMute) {
  return new Promise((resolve) => {
    const end = { code: null, signal: null, hasBegun: false, waited: 0, wasStopped: false };
    const timers = [];
    const after = (delay, action) => {
      const timer = setTimeout(action, 1000 * delay);
      timers.push(timer);
      return timer;
    };
    let child;
    try {
      child = childProcess.spawn(candidate.file, candidate.options.concat(ISOLATED, isMute ? [] : ['3']), {
        cwd: __dirname, // the sources may tell version managers which Python to take
        detached: process.platform !== 'win32',
        env,
        stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
        windowsHide: true,
      });
    } catch (error) {
      resolve({ error });
      return;
    }
    if (!child.pid) {
      child.on('error', (error) => resolve({ error }));
      return;
    }
    const pipe = child.stdio[3];
    const finish = () => {
      timers.forEach(clearTimeout);
      watch.stop = null;
      watch.hasBegun = watch.hasBegun || end.hasBegun;
      child.unref();
      pipe.destroy();
      resolve(end);
    };
    const killIt = () => {
      kill(child, 'SIGKILL');
      after(KILL_SECONDS, finish);
    };
    watch.stop = (signal) => {
      if (end.hasBegun) {
        kill(child, signal);
      } else {
        end.wasStopped = true;
        killIt();
      }
    };
    const killAfter = (delay) =>
      after(delay, () => {
        end.waited = delay;
        killIt();
      });
    const patience = killAfter(seconds);
    const begin = () => {
      if (!end.hasBegun) {
        end.hasBegun = true;
        clearTimeout(patience);
        killAfter(limit);
      }
    };
    if (isMute) {
      begin();
    }
    pipe.on('error', () => {});
    pipe.on('data', begin);
    child.on('error', () => {}); // a signal could not be sent
    child.on('exit', (code, signal) => {
      Object.assign(end, { code, signal });
      if (isMute && code === MUTE) {
        end.hasBegun = false; // it says so even unasked, so it is no main.py
      }
      if (!end.hasBegun || code !== 0) {
        kill(child, 'SIGKILL'); // nothing that it started goes on beside what comes next
      }
      if (end.hasBegun || pipe.destroyed) {
        finish();
      } else {
        pipe.on('close', finish);
        after(PIPE_SECONDS, finish);
      }
    });
  });
}

/** Why another Python should be tried, or null if this one's end is the step's end. */
function unfitness(candidate, end) {
  if (end.error) {
    return EXHAUSTED.has(end.error.code) ? null : `could not be started: ${end.error.code || end.error.message}`;
  }
  if (end.hasBegun) {
    return null;
  }
  if (end.waited) {
    return `did not begin within ${Math.ceil(end.waited)} seconds`;
  }
  if (end.signal) {
    return `was ended by the signal ${end.signal} before it began`;
  }
  const launcherSays = candidate.launcher && LAUNCHER_UNFIT_EXITS.get(end.code);
  return launcherSays || UNFIT_EXITS.get(end.code) || `ended with exit code ${end.code} before it began`;
}

function wasCanceled(end, watch) {
  const isExpected = !end.signal || end.wasStopped || watch.asked.includes(end.signal);
  return watch.asked.length > 0 && (isExpected || !end.hasBegun);
}

function crashText(candidate, end) {
  if (end.error) {
    return (
      `${candidate.file} could not be started: ${end.error.code}. The machine or the user's limits are ` +
      'exhausted, or the environment is too large (E2BIG): remove large variables from the job, or free resources.'
    );
  }
  if (end.code === OUTPUT_FAILED) {
    return 'The output of this task could not be written whole, so that nothing it said can be relied on.';
  }
  if (end.waited) {
    return `${candidate.file} did not end within ${end.waited} seconds: something given to this task takes it too long.`;
  }
  const how = end.signal ? `was ended by the signal ${end.signal}` : `ended with exit code ${end.code}`;
  return (
    `${candidate.file} ${how} before the task was done. The lines above may say why; run the pipeline again ` +
    'with the variable system.debug set to true to see more. If this Python is damaged, put another one in its ' +
    `place. ${REMEDY}`
  );
}

function noPythonText(rejected) {
  const more = rejected.length - MOST_NAMED;
  const named = rejected.slice(0, MOST_NAMED).concat(more > 0 ? [`${more} more`] : []);
  const found = named.length ? `Found, but unfit: ${named.join('; ')}.` : 'None was found.';
  return `This task needs Python 3.10 or newer on the agent. ${found} ${REMEDY}`;
}

function forgedText(name) {
  return (
    `A variable of this job has an equals sign in its name, ${name.slice(0, name.indexOf('=')).slice(0, 80)}=...: ` +
    'it can replace inputs and connections of this step, so that nothing is sent. Find the step that sets it, ' +
    'and remove that.'
  );
}

/** What is known of a failure of this file itself, without its text, which may hold anything. */
function failureText(error) {
  const words = [error && error.name, error && error.code].filter((word) => /^\w+$/.test(word || ''));
  const places = String(error && error.stack).match(/shim\.js:\d+:\d+/g) || [];
  return `The task's start failed: ${words.concat(places.slice(0, 5)).join(' ')}`;
}

/** Says what remains to be said once a Python has ended for good. */
function conclude(candidate, end, watch, env) {
  if (end.hasBegun && end.code === 0) {
    return; // Python has said everything itself
  }
  // What it set before its end is not known.
  const variables = end.hasBegun ? perhapsStored(env) : stored(env);
  const hasLost = end.hasBegun && end.code === OUTPUT_FAILED;
  if (hasLost) {
    process.exitCode = 1;
  }
  if (!hasLost && wasCanceled(end, watch)) {
    sayCanceled(variables);
  } else {
    fail(crashText(candidate, end), variables);
  }
}

/** Runs the first fitting Python; {start, search} say how long one and all of them may take to begin. */
async function search(platform, env, watch, seconds) {
  const forged = forgedName(env);
  if (forged) {
    fail(forgedText(forged), stored(env));
    return;
  }
  const closedPlace = closedPlaces(env);
  const inherited = inheritance(platform, env, closedPlace);
  const tried = new Set();
  const rejected = [];
  const passOver = (candidate, reason) => {
    rejected.push(`${candidate.file} (${reason})`);
    debug(`${candidate.file} is passed over: ${reason}`);
  };
  if (env.AGENT_TOOLSDIRECTORY && !path.isAbsolute(env.AGENT_TOOLSDIRECTORY)) {
    debug(`The tool directory ${env.AGENT_TOOLSDIRECTORY} is passed over: its path is relative`);
  }
  const until = process.uptime() + seconds.search;
  for (const candidate of candidates(platform, env)) {
    const place = closedPlace(path.dirname(candidate.file)) || closedPlace(candidate.file);
    if (place) {
      passOver(candidate, `lies in ${place}, a folder of the job`);
      continue;
    }
    const identity = identityOf(candidate.file);
    const left = Math.min(seconds.start, until - process.uptime());
    if (tried.has(identity)) {
      continue;
    }
    if (tried.size === MOST_STARTS || left <= 0) {
      break;
    }
    tried.add(identity);
    let end = await start(candidate, inherited, watch, left, seconds.run, false);
    if (end.code === MUTE && !end.hasBegun && watch.asked.length === 0) {
      end = await start(candidate, inherited, watch, left, seconds.run, true);
    }
    const unfit = unfitness(candidate, end);
    if (!unfit || watch.asked.length > 0) {
      conclude(candidate, end, watch, env);
      return;
    }
    passOver(candidate, unfit);
  }
  fail(noPythonText(rejected), stored(env));
}

async function run(platform, env, seconds = SECONDS) {
  const watch = watchSignals();
  try {
    await search(platform, env, watch, seconds);
  } catch (error) {
    fail(failureText(error), watch.hasBegun ? perhapsStored(env) : stored(env));
  }
}

module.exports = { VARIABLES, candidates, escapeProperty, harmless, inheritance, run, unfitness };

if (require.main === module) {
  // The agent reads the result from the commands: the exit code is 0 unless they cannot be written, and
  // Node ends by itself.
  if (isOutputLost()) {
    process.exitCode = 1;
  } else {
    run(process.platform, process.env);
  }
}
