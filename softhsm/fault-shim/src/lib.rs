//! A PKCS #11 module that passes calls on to another one and answers chosen functions with chosen codes.
