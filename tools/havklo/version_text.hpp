// What this build is: versions, and which fast paths were compiled in.
#pragma once

#include <string>

namespace havklo {

[[nodiscard]] std::string version_text();

}  // namespace havklo
