// The built-in task is Microsoft's and not here: a step that reaches it ends with what to do about that.
console.log(
    '##vso[task.logissue type=error]PipAuthenticate@1 means the built-in task here, which the emulator cannot run. ' +
    'To run a task of yours that has the same name, write its id (GUID@1) ' +
    'or its full name (publisher.extension.contribution.PipAuthenticate@1) in the step.'
);
console.log('##vso[task.complete result=Failed]The built-in task cannot be run.');
