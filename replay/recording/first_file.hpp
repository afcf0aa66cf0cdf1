// Opens the first file of a recording so that nothing is lost by it.
//
// Nothing that a path holds is written to: neither it nor any of its later files (path.1, path.2 …)
// may be there, but for an empty file of that name. With `overwrite` they may be files of an
// earlier recording, which are then taken away first; anything else is refused all the same. A
// symbolic link is never followed, but for a descriptor of our own (/proc/self/fd/N). A recording
// is for who made it alone (mode 0600).
//
// Two recordings at once are kept out of each other's files. Only the first file of each is locked,
// for as long as it goes on: the next ones are opened by io_uring, which knows no lock, and the
// loop must make no call of its own. So the lock stands for all files of that name, and whoever
// begins looks for the locks of those with whom it could share one: after it has locked its own, so
// that of two who begin at once one sees the other. Not seen: another name of the same file (a hard
// link).
// Errors:  in words that go on after "cannot record to 'path': ", with the ways out.
// Cost:    some system calls, and a look through the folder; before the loop begins.
#pragma once

#include <expected>
#include <string>

namespace havklo::replay {

struct FirstFile {
  int file = -1;      // locked, empty, for writing
  bool made = false;  // by us: whoever gives up takes it away again
};

// `goes_over`: the recording has a limit, so that path.1, path.2 … may become its files.
[[nodiscard]] std::expected<FirstFile, std::string> open_first_file(const std::string& path,
                                                                    bool goes_over, bool overwrite);

// Removes `path` if it is still the name of `file`.
void remove_own_file(const std::string& path, int file);

}  // namespace havklo::replay
