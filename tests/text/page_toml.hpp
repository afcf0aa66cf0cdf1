// A TOML file as the author's guide shows it, behind its mark: <!-- file engine.toml -->.
#pragma once

#include <fstream>
#include <iterator>
#include <string>

namespace havklo {

inline std::string page_toml(const std::string& name) {
  std::ifstream file(HAVKLO_SOURCE_DIR "/include/havklo/README.md");
  const std::string page(std::istreambuf_iterator<char>(file), {});
  const std::string mark = "<!-- file " + name + " -->\n```toml\n";
  const size_t begin = page.find(mark);
  if (begin == std::string::npos) return {};
  const size_t text = begin + mark.size();
  return page.substr(text, page.find("```", text) - text);
}

}  // namespace havklo
