/* windows_owner.c: who may, and who did.
 *
 * mode on Windows. The owner's bits are always 0600: nobody but this user is named in the file's access list, and nothing is
 * inherited. "Others" is Everyone. There is no group of the Unix kind: group bits let nobody in. The sticky bit, by which a
 * scoped raw map is known, is the attribute SYSTEM.
 *
 * mode under Wine. Wine turns an access list into permission bits of the file below, but an entry for this user sets the
 * group's bits too. Only when the list names an owner who is not this user do the owner's bits come out alone: that is what
 * alien stands for, and the file still belongs to whoever made it. So 0600, 0604, 0606, 0660 and 0666 come out as they are;
 * 0640 comes out as 0600, on the safe side.
 */
#include "windows.h"

#include <aclapi.h>
#include <sddl.h>

static const WCHAR alien[] = L"S-1-5-19";

/* This user's id as text, to be freed with LocalFree; NULL on failure. */
static LPWSTR own_id(void) {
  HANDLE token;
  if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token)) return NULL;
  union {
    TOKEN_USER user;
    char room[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
  } who;
  DWORD length;
  LPWSTR text = NULL;
  if (GetTokenInformation(token, TokenUser, &who, sizeof who, &length) && !ConvertSidToStringSidW(who.user.User.Sid, &text))
    text = NULL;
  CloseHandle(token);
  return text;
}

PSECURITY_DESCRIPTOR tn_win_rights(uint32_t mode, int for_what) {
  LPWSTR own = own_id();
  if (!own) return NULL;
  int group_writes = (mode & 0060) == 0060;
  const WCHAR *user = tn_win_is_wine() && !group_writes && for_what != TN_FOR_SECTION ? alien : own;
  const WCHAR *inherit = for_what == TN_FOR_DIRECTORY ? L"OICI" : L"";
  unsigned long all = for_what == TN_FOR_FILE ? FILE_ALL_ACCESS & ~(unsigned long)FILE_EXECUTE : GENERIC_ALL;
  unsigned long others = (mode & 0004 ? FILE_GENERIC_READ : 0ul) | (mode & 0002 ? FILE_GENERIC_WRITE : 0ul);
  WCHAR everyone[64] = L"", owner[80] = L"", text[400];
  if (others) swprintf(everyone, 64, L"(A;%ls;0x%lx;;;WD)", inherit, others);
  if (user == alien) swprintf(owner, 80, L"O:%ls", user); /* elsewhere naming an owner may need a privilege */
  swprintf(text, 400, L"%lsD:P(A;%ls;0x%lx;;;%ls)%ls", owner, inherit, all, user, everyone);
  LocalFree(own);
  PSECURITY_DESCRIPTOR rights = NULL;
  if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(text, SDDL_REVISION_1, &rights, NULL)) return NULL;
  return rights;
}

/* ---- What a file's access list says ---------------------------------------------------------------------------------- */

typedef struct acl_seen {
  int owner_trusted;    /* this user, the administrators or the system */
  ACCESS_MASK others;   /* what people who are not trusted are allowed */
  ACCESS_MASK everyone; /* of that: Everyone */
} acl_seen;

static int is_trusted(PSID id) {
  if (IsWellKnownSid(id, WinLocalSystemSid) || IsWellKnownSid(id, WinBuiltinAdministratorsSid)) return 1;
  LPWSTR own = own_id(), text = NULL;
  int same = own && ConvertSidToStringSidW(id, &text) && wcscmp(own, text) == 0;
  LocalFree(own);
  LocalFree(text);
  return same;
}

static int is_placeholder(PSID id) {
  return IsWellKnownSid(id, WinCreatorOwnerSid) || IsWellKnownSid(id, WinCreatorOwnerRightsSid);
}

static acl_seen look_through(PSID owner, PACL list) {
  acl_seen seen = {.owner_trusted = owner && is_trusted(owner)};
  if (!list) { /* no list: everything to everybody */
    seen.others = seen.everyone = FILE_ALL_ACCESS;
    return seen;
  }
  for (DWORD i = 0; i < list->AceCount; i++) {
    ACCESS_ALLOWED_ACE *entry;
    if (!GetAce(list, i, (void **)&entry) || entry->Header.AceType != ACCESS_ALLOWED_ACE_TYPE) continue;
    PSID id = &entry->SidStart;
    if (is_trusted(id) || is_placeholder(id) || (id && owner && seen.owner_trusted && EqualSid(id, owner))) continue;
    seen.others |= entry->Mask;
    if (IsWellKnownSid(id, WinWorldSid)) seen.everyone |= entry->Mask;
  }
  return seen;
}

static int look_at(HANDLE handle, acl_seen *ret_seen) {
  PSID owner = NULL;
  PACL list = NULL;
  PSECURITY_DESCRIPTOR rights = NULL;
  DWORD error = GetSecurityInfo(handle, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION, &owner, NULL,
                                &list, NULL, &rights);
  if (error != ERROR_SUCCESS) return tn_win_failed_with(error);
  *ret_seen = look_through(owner, list);
  LocalFree(rights);
  return 0;
}

void tn_win_rights_of(HANDLE handle, uint32_t *ret_owner, uint32_t *ret_mode) {
  acl_seen seen = {0};
  *ret_owner = 1; /* what cannot be read belongs to somebody else */
  *ret_mode = 0600;
  if (look_at(handle, &seen) != 0) return;
  *ret_owner = seen.owner_trusted ? 0 : 1;
  *ret_mode |= (seen.everyone & FILE_READ_DATA ? 0004u : 0u) | (seen.everyone & FILE_WRITE_DATA ? 0002u : 0u);
}

static int look_at_path(const WCHAR *path, acl_seen *ret_seen) {
  HANDLE handle = CreateFileW(path, READ_CONTROL, TN_SHARE_ALL, NULL, OPEN_EXISTING,
                              FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
  if (handle == INVALID_HANDLE_VALUE) return tn_win_failed();
  int result = look_at(handle, ret_seen);
  CloseHandle(handle);
  return result;
}

int tn_os_trusted(const char *path, const tn_os_status *status) {
  TN_FAULT("trusted");
  if (status->owner == 0) return 0;
  WCHAR wide[TN_WIDE];
  acl_seen directory;
  int result = tn_win_wide(path, wide, TN_WIDE);
  if (result != 0) return result;
  WCHAR *separator = wcsrchr(wide, L'\\');
  if (!separator) return tn_win_refuse(TARN_E_PERMISSION, "the file belongs to somebody else");
  separator[separator > wide && separator[-1] == L':' ? 1 : 0] = 0;
  result = look_at_path(wide, &directory);
  if (result != 0) return result;
  const ACCESS_MASK changes = FILE_ADD_FILE | FILE_DELETE_CHILD | WRITE_DAC | WRITE_OWNER | GENERIC_WRITE | GENERIC_ALL;
  if (directory.owner_trusted && (directory.others & changes) == 0) return 0;
  return tn_win_refuse(TARN_E_PERMISSION, "the file belongs to somebody else, in a directory that others can write to");
}
