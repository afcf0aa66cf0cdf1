// A name that nobody else has, by mkdtemp().
#include "havklo/scratch_folder.hpp"

#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace havklo {

std::expected<ScratchFolder, std::string> ScratchFolder::make() {
  const char* given = std::getenv("TMPDIR");
  const std::string parent = given != nullptr && *given != '\0' ? given : "/tmp";
  std::string path = parent + "/havklo-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) {
    return std::unexpected("cannot make a folder for temporary files in '" + parent +
                           "': " + std::strerror(errno));
  }
  return ScratchFolder(std::move(path));
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace havklo
