#pragma once

// How SQLite reads a file that somebody else writes, without a trace.
namespace eyeflow::runtime {

// The name of a file layer of SQLite's that takes no locks and never writes, makes or removes a file: a WAL that is not
// there is an empty one. Its connections have to be opened read-only and with locking_mode=EXCLUSIVE, so that the index
// of the WAL is in their own memory. What they read may change under them: see HistoryReader. Null: SQLite has no such
// layer here.
const char* read_only_files();

}  // namespace eyeflow::runtime
