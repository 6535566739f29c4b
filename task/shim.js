'use strict';

// The start of the task: lets `python.js` find a Python, and tells the agent what Python could not say itself.
// Node.js 10 must be able to read this file, so it keeps to ES2018 and to Node's own modules.

const path = require('path');
const { harmless, isOutputLost, say } = require('./output.js');
const python = require('./python.js');

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
  nginx: [],
};
const FAILED = 'Failed to add authentication.';
const WORDS = {
  step: 'task',
  machine: 'agent',
  more: 'run the pipeline again with the variable system.debug set to true',
  remedy:
    "Add this step before this one: `- task: UsePythonVersion@0` with `inputs: { versionSpec: '3.x' }`. " +
    'In a container job, use an image that has Python 3.10 or newer.',
};

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

// ---- what the agent reads ----------------------------------------------------------------------

/** Command data in a form that every agent shows alike: it decodes four sequences, in upper case only. */
function escapeData(text) {
  const harmlessPercents = text.replace(/%(?:0D|0A|3B|5D)/g, (sequence) => sequence.toLowerCase());
  return harmlessPercents.replace(/\r/g, '%0D').replace(/\n/g, '%0A');
}

function escapeProperty(text) {
  return escapeData(text).replace(/\]/g, '%5D').replace(/;/g, '%3B');
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

// ---- what the job says -------------------------------------------------------------------------

/** The agent's work folder, told by where it puts tasks, which no step can change; null elsewhere. */
function workFolder() {
  const tasks = path.dirname(path.dirname(__dirname));
  return path.basename(tasks) === '_tasks' ? path.dirname(tasks) : null;
}

/** The folders of this job, and of those that the tools lie in. */
function places(env) {
  const work = workFolder();
  return {
    closed: JOB_FOLDERS.map((name) => env[name] || '').concat(work || []),
    open: work && path.join(work, '_tool'),
    tools: env.AGENT_TOOLSDIRECTORY,
  };
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

/** A function that tells whether Python gets a variable. */
function inheritable(env) {
  const settable = new Set(jobVariables(env).map(python.environmentName));
  return (name) => !settable.has(name) || READ_BY_THE_TASK.test(name);
}

function forgedText(name) {
  return (
    `A variable of this job has an equals sign in its name, ${name.slice(0, name.indexOf('=')).slice(0, 80)}=...: ` +
    'it can replace inputs and connections of this step, so that nothing is sent. Find the step that sets it, ' +
    'and remove that.'
  );
}

// ---- running it --------------------------------------------------------------------------------

/** Says what remains to be said once a Python has ended for good. */
function conclude(candidate, end, watch, env) {
  if (end.hasBegun && end.code === 0) {
    return; // Python has said everything itself
  }
  // What it set before its end is not known.
  const variables = end.hasBegun ? perhapsStored(env) : stored(env);
  const hasLost = end.hasBegun && end.code === python.OUTPUT_FAILED;
  if (hasLost) {
    process.exitCode = 1;
  }
  if (!hasLost && python.wasCanceled(end, watch)) {
    sayCanceled(variables);
  } else {
    fail(python.crashText(WORDS, candidate, end), variables);
  }
}

async function attempt(platform, env, watch, seconds) {
  const forged = forgedName(env);
  if (forged) {
    fail(forgedText(forged), stored(env));
    return;
  }
  const ci = Object.assign({ options: [], inherits: inheritable(env), debug }, places(env));
  const { rejected, candidate, end } = await python.search(ci, platform, env, watch, seconds);
  if (rejected) {
    fail(python.noPythonText(WORDS, rejected), stored(env));
  } else {
    conclude(candidate, end, watch, env);
  }
}

/** Does the task; {start, search, run} are the seconds that python.js grants, unless it shall choose them. */
async function run(platform, env, seconds) {
  const watch = python.watchSignals();
  try {
    await attempt(platform, env, watch, seconds);
  } catch (error) {
    fail(python.failureText(WORDS, error), watch.hasBegun ? perhapsStored(env) : stored(env));
  }
}

module.exports = { VARIABLES, escapeProperty, inheritable, run };

if (require.main === module) {
  // The agent reads the result from the commands: the exit code is 0 unless they cannot be written, and
  // Node ends by itself.
  if (isOutputLost()) {
    process.exitCode = 1;
  } else {
    run(process.platform, process.env);
  }
}
