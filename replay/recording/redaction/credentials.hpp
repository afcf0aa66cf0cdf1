// What of a URL may be a credential: every value of its query, and every part of its path that is
// not known to be public (a version, `ws`, `stream`, `public` …), since an access key or a listen
// key often stands there.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace havklo::replay {

// The same URL with `redacted` in the place of each.
[[nodiscard]] std::string without_credentials(std::string_view url);

// Each, in its place in `url`.
[[nodiscard]] std::vector<std::string_view> credentials_in(std::string_view url);

}  // namespace havklo::replay
