#pragma once

namespace eyeflow::runtime {

// Gives back what only the start of the program needed: unused heap, and the pages of code and constants of the program
// and its libraries, which come back from the page cache as they are needed. Any time, any thread; it costs some
// hundred page faults.
void release_start_memory();

}  // namespace eyeflow::runtime
