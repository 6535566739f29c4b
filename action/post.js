'use strict';

// The action's last step: removes the files that its first one left. What it put into the job's environment ends with
// the job, by the runner; the runner's temporary folder would only be emptied when the next job begins.

const fs = require('fs');
const path = require('path');
const { warn } = require('./runner.js');
const { say } = require('../task/output.js');

const PREFIX = 'pip-authenticate-';

/** Whether it is a folder that the first step makes: a step could have set the variable if that has not. */
function isOwn(folder, temporary) {
  return path.dirname(folder) === path.resolve(temporary) && path.basename(folder).startsWith(PREFIX);
}

function main(env) {
  const folder = env.STATE_folder || '';
  if (!folder || !isOwn(folder, env.RUNNER_TEMP || '')) {
    return; // the first step has failed before it made one
  }
  try {
    const count = fs.existsSync(folder) ? fs.readdirSync(folder).length : 0;
    fs.rmSync(folder, { recursive: true, force: true });
    if (count) {
      say('The files with credentials are removed; the variables end with this job.');
    }
  } catch (error) {
    warn(`${folder} could not be removed: ${error.code}. It holds credentials: remove it.`);
  }
}

main(process.env);
