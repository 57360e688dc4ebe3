/* The links of weir_list: a circle through the head. */
#include <weir/list.h>

#include <assert.h>

void weir_list_init(struct weir_list *head)
{
	head->next = head;
	head->prev = head;
}

void weir_list_append(struct weir_list *head, struct weir_list *link)
{
	/* Linked twice, its old list would lead into this one and never end. */
	assert(!weir_list_is_linked(link));
	link->prev = head->prev;
	link->next = head;
	head->prev->next = link;
	head->prev = link;
}

void weir_list_remove(struct weir_list *link)
{
	if (!weir_list_is_linked(link))
		return;
	link->prev->next = link->next;
	link->next->prev = link->prev;
	link->next = NULL;
	link->prev = NULL;
}

struct weir_list *weir_list_pop(struct weir_list *head)
{
	struct weir_list *first = head->next;

	if (weir_list_is_empty(head))
		return NULL;
	weir_list_remove(first);
	return first;
}

void weir_list_move_all(struct weir_list *to, struct weir_list *from)
{
	if (weir_list_is_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	weir_list_init(from);
}
