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

BudgetKey budget_key_of(const Settings& settings) {
  const auto url = parse_url(settings.url);
  BudgetKey key{.venue = venue_of(url ? url->host : ""), .source = {}};
  if (settings.source_address) key.source = usual_address(*settings.source_address).value_or("");
  return key;
}

uint32_t BudgetGroups::sessions_in(uint32_t group) const {
  return static_cast<uint32_t>(std::ranges::count(group_of, group));
}

BudgetGroups group_by_budget(std::span<const Settings> sessions) {
  BudgetGroups groups;
  std::vector<BudgetKey> keys;
  for (uint32_t session = 0; session < sessions.size(); ++session) {
    BudgetKey key = budget_key_of(sessions[session]);
    const auto found = std::ranges::find(keys, key);
    groups.group_of.push_back(static_cast<uint32_t>(found - keys.begin()));
    if (found != keys.end()) continue;
    keys.push_back(std::move(key));
    groups.first_of.push_back(session);
  }
  return groups;
}

}  // namespace havklo
