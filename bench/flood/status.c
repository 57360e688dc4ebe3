#include "status.h"

static const struct {
	const char *name;
	const char *word;
} texts[] = {[STATUS_DONE] = {"valid", "VALID"},
	     [STATUS_FAILED] = {"failed", "FAILED"},
	     [STATUS_REFUSED] = {"refused", "REFUSED"},
	     [STATUS_INVALID] = {"invalid", "INVALID"},
	     [STATUS_BREACHED] = {"breached", "BREACHED"}};

const char *status_name(enum status status)
{
	return texts[status].name;
}

const char *status_word(enum status status)
{
	return texts[status].word;
}
