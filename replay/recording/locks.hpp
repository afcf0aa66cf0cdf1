// Keeps two recordings out of each other's files.
//
// Only the first file of a recording is locked, for as long as it goes on: the next ones are opened
// by io_uring, which knows no lock, and the loop must make no call of its own. So the lock stands
// for all files of that name, and whoever begins looks for the locks of those with whom it could
// share one: after it has locked its own, so that of two who begin at once one sees the other.
// Not seen: another name of the same file (a hard link).
// Cost:    some system calls, and a look through the folder; before the loop begins.
#pragma once

#include <expected>
#include <string>

namespace havklo::replay {

// False: another process has it, or another recording of this one.
[[nodiscard]] bool lock_recording(int file);

// An error when a recording that goes on now has, or may come to have, a file in common with one to
// `path`. `goes_over`: this one has a limit, so that path.1, path.2 … may become its files.
[[nodiscard]] std::expected<void, std::string> check_other_recordings(const std::string& path,
                                                                      bool goes_over);

}  // namespace havklo::replay
