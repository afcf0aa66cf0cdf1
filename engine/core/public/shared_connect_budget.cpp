// Which sessions share a connect budget.
#include <algorithm>
#include <havklo/shared_connect_budget.hpp>
#include <string_view>

namespace havklo {
namespace {

constexpr std::string_view kraken_domain = "kraken.com";

// Names are the same in small and large letters, and with the root's dot.
std::string plain_name(std::string_view host) {
  std::string name(host);
  if (name.ends_with('.')) name.pop_back();
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return name;
}

std::string venue_of(std::string_view host) {
  std::string name = plain_name(host);
  const bool below = name.size() > kraken_domain.size() && name.ends_with(kraken_domain) &&
                     name[name.size() - kraken_domain.size() - 1] == '.';
  return below ? std::string(kraken_domain) : name;
}

}  // namespace

std::string BudgetKey::text() const { return source.empty() ? venue : venue + " from " + source; }

BudgetKey budget_key_of(const Settings& settings, uint32_t leg) {
  const auto url = parse_url(url_of(settings, leg));
  BudgetKey key{.venue = venue_of(url ? url->host : ""), .source = {}};
  const auto& source = source_address_of(settings, leg);
  if (source) key.source = usual_address(*source).value_or("");
  return key;
}

uint32_t BudgetGroups::legs_in(uint32_t group) const {
  return static_cast<uint32_t>(std::ranges::count(group_of, group));
}

BudgetGroups group_by_budget(std::span<const Settings> sessions) {
  BudgetGroups groups;
  for (uint32_t session = 0; session < sessions.size(); ++session) {
    groups.legs_before.push_back(static_cast<uint32_t>(groups.group_of.size()));
    for (uint32_t leg = 0; leg < sessions[session].legs.size(); ++leg) {
      BudgetKey key = budget_key_of(sessions[session], leg);
      const auto found = std::ranges::find(groups.keys, key);
      groups.group_of.push_back(static_cast<uint32_t>(found - groups.keys.begin()));
      if (found != groups.keys.end()) continue;
      groups.keys.push_back(std::move(key));
      groups.first_of.push_back(session);
    }
  }
  return groups;
}

}  // namespace havklo
