// Two small files of lines of words.
#include "io/threads/name_files.hpp"

#include <algorithm>
#include <fstream>

#include "addresses/address_text.hpp"
#include "addresses/ascii_case.hpp"

namespace havklo::io {
namespace {

constexpr std::string_view blanks = " \t\r\f\v";

// The next word, cut off the line; empty: there is none.
std::string_view take_word(std::string_view& line) {
  const size_t begin = std::min(line.find_first_not_of(blanks), line.size());
  const size_t end = std::min(line.find_first_of(blanks, begin), line.size());
  const std::string_view word = line.substr(begin, end - begin);
  line.remove_prefix(end);
  return word;
}

std::string_view without_last_dot(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

bool is_same_name(std::string_view one, std::string_view other) {
  return addresses::equal_ignoring_case(without_last_dot(one), without_last_dot(other));
}

// Calls `take` with each line, up to the first of `comments`.
template <class Take>
void for_each_line(const std::string& path, std::string_view comments, Take take) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    take(std::string_view(line).substr(0, line.find_first_of(comments)));
  }
}

}  // namespace

std::vector<Endpoint> addresses_in_hosts_file(const std::string& path, std::string_view name,
                                              uint16_t port) {
  std::vector<Endpoint> found;
  for_each_line(path, "#", [&](std::string_view line) {
    const Endpoint endpoint = addresses::parse_address(take_word(line), port);
    if (endpoint.family == 0) return;
    for (auto word = take_word(line); !word.empty(); word = take_word(line)) {
      if (is_same_name(word, name)) return found.push_back(endpoint);
    }
  });
  return found;
}

std::vector<std::string> names_to_ask(const std::string& resolv_conf, std::string_view name) {
  std::vector<std::string> names;
  if (name.find('.') == std::string_view::npos) {
    for_each_line(resolv_conf, "#;", [&](std::string_view line) {
      const std::string_view keyword = take_word(line);
      if (keyword != "search" && keyword != "domain") return;
      names.clear();
      for (auto word = take_word(line); !word.empty(); word = take_word(line)) {
        const std::string_view suffix = without_last_dot(word);
        if (!suffix.empty()) names.push_back(std::string(name) + "." + std::string(suffix));
      }
    });
  }
  names.emplace_back(name);
  return names;
}

}  // namespace havklo::io
