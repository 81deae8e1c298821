// libyaml, for configuration files.
#pragma once
#include <yaml.h>
