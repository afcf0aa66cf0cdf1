// A file's text, whole. Errors: one line with the name and the system's reason.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "replay/text/file_text.hpp"

namespace havklo {

using replay::read_text_file;
// Until the system has taken every byte; what was there before is gone. A recording is refused.
[[nodiscard]] std::expected<void, std::string> write_text_file(const std::string& path,
                                                               std::string_view text);

}  // namespace havklo
