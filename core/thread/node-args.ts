// The options of Node itself that a host is started with. Any thread; whoever starts a host.
//
// V8 collects the garbage of every thread with helpers: as many as there are cores, for each collection,
// of the same priority as the threads that serve players. A lane that fills its memory then takes not
// one core but all of them. With one thread for each heap it takes the one that it has, and the work is
// less in all (docs/PERFORMANCE.md, "A service that runs wild"). V8 reads this when it starts, so it
// has to stand on the command line: package.json has it, and the supervisor hands it on.

export const hostNodeArgs: readonly string[] = ['--single-threaded-gc']
