/* A doubly linked list whose links live inside the objects it chains.
 *
 * The head and the links are the same type. A zeroed link is idle;
 * weir_list_init makes a head. Every operation is O(1) and cannot fail.
 *
 * Example:
 *
 *	#include <weir.h>
 *
 *	struct job {
 *		struct weir_list link;
 *		int number;
 *	};
 *
 *	int main(void)
 *	{
 *		struct job a = {.number = 1};
 *		struct job b = {.number = 2};
 *		struct weir_list jobs;
 *		struct weir_list *first;
 *
 *		weir_list_init(&jobs);
 *		weir_list_append(&jobs, &a.link);
 *		weir_list_append(&jobs, &b.link);
 *		weir_list_remove(&b.link);
 *		first = weir_list_pop(&jobs);
 *		return weir_container_of(first, struct job, link)->number - 1;
 *	}
 */
#ifndef WEIR_LIST_H
#define WEIR_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include <weir/declare.h>

WEIR_DECLARE_BEGIN

/* The object of TYPE whose MEMBER is at PTR. The cast through void * tells
 * -Wcast-align that the alignment is right. */
#define weir_container_of(PTR, TYPE, MEMBER) \
	((TYPE *)(void *)((char *)(PTR)-offsetof(TYPE, MEMBER)))

struct weir_list {
	struct weir_list *next; /* NULL: in no list */
	struct weir_list *prev;
};

/* Make an empty head. */
void weir_list_init(struct weir_list *head);

/* True for a head that no link hangs on. */
static inline bool weir_list_is_empty(const struct weir_list *head)
{
	return head->next == head;
}

/* True for a link that is in a list. */
static inline bool weir_list_is_linked(const struct weir_list *link)
{
	return link->next != NULL;
}

/* Append an idle link. */
void weir_list_append(struct weir_list *head, struct weir_list *link);

/* Take a link out of its list. Removing an idle link does nothing. */
void weir_list_remove(struct weir_list *link);

/* Walk the links of HEAD from first to last. LINK is declared as a struct
 * weir_list * for the body. The body may take LINK itself out of the list and
 * free the object that it is part of, but no other link.
 *
 *	weir_list_for_each(link, &jobs)
 *		run(weir_container_of(link, struct job, link)); */
/* NOLINTBEGIN(bugprone-macro-parentheses): LINK is declared */
#define weir_list_for_each(LINK, HEAD)                                         \
	for (struct weir_list *LINK = (HEAD)->next, *LINK##_next = LINK->next; \
	     LINK != (HEAD); LINK = LINK##_next, LINK##_next = LINK->next)
/* NOLINTEND(bugprone-macro-parentheses) */

/* Take out the first link and return it; NULL: the list is empty. */
struct weir_list *weir_list_pop(struct weir_list *head);

/* Append all of from's links to to, in order; from is empty then. */
void weir_list_move_all(struct weir_list *to, struct weir_list *from);

WEIR_DECLARE_END

#endif
